-- May this login from outside pass? (A1, A7 to A10, P1, P3, D3, D4)
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] the index of expiries. ARGV: format, protocol,
-- address, whether secured (0 or 1), attempt, the address's network (6 bytes), the tiers' rows, and
-- the digests of what was entered, one for each key of the site, the current one first. Answers
-- with the verdict and what it needs: after allow the digest that was found, which the session goes
-- by from then on (session.lua). After that, and after wrong-password, there may be a word about
-- being shut out: before, now (or, when that makes an attempt to break in, disable or tell), or
-- ended.

if not is_stamped() then
	return not_stamped()
end

local HOUR, DAY = 3600000, 86400000
local protocol, address, secured, attempt = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local NETWORK = ARGV[6]
local wanted = { 'access', 'tier', 'seen:' .. protocol, 'logins' }
for i = 8, #ARGV do
	table.insert(wanted, PASSWORD .. ARGV[i])
end
local found = redis.call('HMGET', ACCOUNT, unpack(wanted))
local access, tier, seen, logins = unpack(found, 1, 4)

-- D4: what becomes of a wrong password, and of a right one from a network that is new here, or new
-- today.
--
-- The account has the networks that it has logged in from last, newest first, 8 bytes each: network
-- and day. The first two are after the counts in logins, which is written anyway, the others in
-- nets.
local COUNTS_SIZE = 44
local first_networks = string.sub(logins or '', COUNTS_SIZE + 1)

local function by_network(time)
	local SHUT_OUT_SIZE, GUESS_SIZE, KNOWN_SIZE = 10, 14, 8
	-- The oldest entries go first, as if the hour were shorter. So a flood may make the rule
	-- see less than was tried, never more; and of a network that made one of each hundred
	-- guesses it sees ten, however many others made the rest.
	local SHUT_OUTS_MAX, GUESSES_MAX, KNOWN_MAX, KNOWN_FIRST = 200, 1000, 10, 2
	local KNOWN_DAYS = 30
	local change = changes()
	local shut_outs, counted, guesses = change.read_guesses()
	local networks = first_networks .. (redis.call('HGET', ACCOUNT, 'nets') or '')
	local today = math.floor(time / DAY)
	local limit, enough, length, on_break_in =
		read_tier(tier, ARGV[7], '^\n%S+ %S* %d+ %d+ %d+ (%d+) (%d+) (%d+) (%S+)')
	limit, enough, length = tonumber(limit), tonumber(enough), tonumber(length)
	local keep = math.max(length, DAY)

	-- Whether the second there is within that many milliseconds.
	local function is_within(entries, at, milliseconds)
		return struct.unpack('>I4', entries, at) * 1000 + milliseconds > time
	end

	-- Where the next entry of this network begins; nil if there is none.
	local function place_of(entries, size, from)
		local at = string.find(entries, NETWORK, from, true)
		while at and (at - 1) % size ~= 0 do
			at = string.find(entries, NETWORK, at + 1, true)
		end
		return at
	end

	local function without(entries, at, size)
		return string.sub(entries, 1, at - 1) .. string.sub(entries, at + size)
	end

	-- Forgets what is known of this network. True if anything was.
	local function forget()
		local shut = place_of(shut_outs, SHUT_OUT_SIZE, 1)
		local guess = place_of(guesses, GUESS_SIZE, 1)
		local known = shut or guess
		if shut then
			shut_outs = without(shut_outs, shut, SHUT_OUT_SIZE)
			counted = counted - (shut <= counted * SHUT_OUT_SIZE and 1 or 0)
		end
		while guess do
			guesses = without(guesses, guess, GUESS_SIZE)
			guess = place_of(guesses, GUESS_SIZE, guess)
		end
		return known
	end

	-- The entries without the first ones that are too old, or too many. An entry ends with its
	-- second.
	local function newest(entries, size, most, milliseconds)
		local from = math.max(#entries - most * size, 0) + 1
		while from < #entries and not is_within(entries, from + size - 4, milliseconds) do
			from = from + size
		end
		return string.sub(entries, from)
	end

	local function save()
		local before = #shut_outs
		shut_outs = newest(shut_outs, SHUT_OUT_SIZE, SHUT_OUTS_MAX, keep)
		counted = math.max(counted - (before - #shut_outs) / SHUT_OUT_SIZE, 0)
		guesses = newest(guesses, GUESS_SIZE, GUESSES_MAX, HOUR)
		change.write_guesses(shut_outs, counted, guesses, shut_outs == '' and HOUR or keep)
	end

	-- The networks that were shut out within a day and have been part of no attempt yet, newest
	-- first, and when the first of them was.
	local function new_shut_outs()
		local names, first = {}, time
		for place = #shut_outs / SHUT_OUT_SIZE - 1, counted, -1 do
			local at = place * SHUT_OUT_SIZE + 1
			if is_within(shut_outs, at + 6, DAY) then
				local network = string.sub(shut_outs, at, at + 5)
				table.insert(names, change.network_text(network))
				first = struct.unpack('>I4', shut_outs, at + 6) * 1000
			end
		end
		return names, first
	end

	-- One line of ASCII for the history, of at most 160 bytes.
	local function evidence(names, first)
		local text = digits(#names) .. ' network' .. (#names == 1 and '' or 's') ..
			' shut out in ' .. change.duration(math.max(time - first, 0)) .. ', ' ..
			digits(limit) .. ' wrong passwords each: ' .. names[1]
		for place = 2, #names do
			if #text + #', ' + #names[place] + #', and 999 more' > 160 then
				return text .. ', and ' .. digits(#names - place + 1) .. ' more'
			end
			text = text .. ', ' .. names[place]
		end
		return text
	end

	-- Shuts this network out. With enough of them it is an attempt to break in.
	local function shut_out()
		forget()
		shut_outs = shut_outs .. NETWORK .. struct.pack('>I4', math.floor(time / 1000))
		local names, first = new_shut_outs()
		local before, times = change.break_ins(time)
		if #names < enough * times then
			save()
			return 'now'
		end
		local why = evidence(names, first)
		redis.call('HSET', ACCOUNT, 'break_ins', digits(before + 1) .. ' ' .. digits(time))
		if on_break_in == 'tell' then
			counted = #shut_outs / SHUT_OUT_SIZE
			save()
			change.remember(time, 'break-in', 'told', 'postern', '', why)
			change.announce('break-in', time, 'postern', '')
		else
			redis.call('DEL', KEYS[6])
			change.switch_off(time, 'break-in', 'postern', '', why) -- D4
		end
		return on_break_in
	end

	-- Whether the day of a known network there is within a month.
	local function is_recent(at)
		return struct.unpack('>I2', networks, at + 6) + KNOWN_DAYS >= today
	end

	local function is_known()
		local at = place_of(networks, KNOWN_SIZE, 1)
		return at and is_recent(at)
	end

	-- Counts a wrong password, unless it is the same again, as mail programs try it, or its
	-- network is known or shut out.
	local function count()
		local shut = place_of(shut_outs, SHUT_OUT_SIZE, 1)
		if limit == 0 or is_known() then
			return nil
		elseif shut and is_within(shut_outs, shut + 6, length) then
			return 'before'
		end
		local tag, different = string.match(ARGV[8], '^%d+:(....)'), 1
		local guess = place_of(guesses, GUESS_SIZE, 1)
		while guess do
			if is_within(guesses, guess + 10, HOUR) then
				if string.sub(guesses, guess + 6, guess + 9) == tag then
					return nil
				end
				different = different + 1
			end
			guess = place_of(guesses, GUESS_SIZE, guess + GUESS_SIZE)
		end
		if different >= limit then
			return shut_out()
		end
		guesses = guesses .. NETWORK .. tag .. struct.pack('>I4', math.floor(time / 1000))
		save()
	end

	-- Puts this network in front of those that are known.
	local function note()
		local kept = { NETWORK .. struct.pack('>I2', today) }
		local known = place_of(networks, KNOWN_SIZE, 1)
		for at = 1, #networks, KNOWN_SIZE do
			if at ~= known and is_recent(at) and #kept < KNOWN_MAX then
				table.insert(kept, string.sub(networks, at, at + KNOWN_SIZE - 1))
			end
		end
		first_networks = table.concat(kept, '', 1, math.min(#kept, KNOWN_FIRST))
		if #kept > KNOWN_FIRST then
			redis.call('HSET', ACCOUNT, 'nets',
				table.concat(kept, '', KNOWN_FIRST + 1))
		else
			redis.call('HDEL', ACCOUNT, 'nets')
		end
	end

	-- For a login: what is written is a new network, and a known one once a day.
	local function welcome()
		local shut = place_of(shut_outs, SHUT_OUT_SIZE, 1)
		local known = place_of(networks, KNOWN_SIZE, 1)
		if not is_known() and forget() then
			save()
		end
		if not known or struct.unpack('>I2', networks, known + 6) ~= today then
			note()
		end
		return shut and 'ended' or nil
	end

	return { count = count, welcome = welcome }
end

local digest, number, ended, expires, scope
for i = 5, #wanted do
	if found[i] then
		digest = ARGV[i + 3]
		number, ended, expires, scope =
			string.match(found[i], '^(%d+) %d+ (%d+) (%d+) (%S+)$')
		break
	end
end
if not number then
	local shut_out = access == 'enabled' and by_network(clock()).count() or nil
	return { 'wrong-password', shut_out } -- A9
end
if access ~= 'enabled' then
	return { 'off', redis.call('HGET', ACCOUNT, 'reason') or 'never-enabled' } -- A1, A9
end
if ended ~= '0' then
	return { 'wrong-password' } -- A3, A9
end
local time = clock()
if expires ~= '0' and tonumber(expires) <= time then
	return { 'expired' } -- A10
end
if not secured and redis.call('HGET', ACCOUNT, 'tls') ~= 'exempt' then
	return { 'tls-required' } -- A7
end
local tier_name, protocols, interval, an_hour, a_day =
	read_tier(tier, ARGV[7], '^\n(%S+) (%S*) (%d+) (%d+) (%d+)')
if not string.find(protocols, protocol, 1, true) then
	return { 'protocol', tier_name } -- A8
end
if scope ~= '*' and not string.find(scope, protocol, 1, true) then
	return { 'scope' } -- A10
end

local last, last_address, last_attempt, last_number
if seen then
	last, last_address, last_attempt, last_number =
		string.match(seen, '^(%d+) (%S*) (%S*) (%d+)$')
end
-- The same attempt, asked about again because the answer got lost, is neither too soon nor counted.
local again = logins and last_attempt == attempt
if protocol == 'pop3' and last and not again then
	local passed = time - last
	interval = tonumber(interval)
	-- After a failover the clock may be another one, and the last login in the future.
	if passed >= 0 and passed < interval then
		return { 'too-soon', math.ceil((interval - passed) / 1000) } -- P1
	end
end

-- D3: counts this login in both windows, each in eight steps. For a window, logins has the number
-- of the step it is in, the count of all logins, and a ring: the counts with which the last eight
-- steps began. Counts have 16 bits, and wrap. The window is the current step and the seven before
-- it: so it may miss what a whole one would see, and never sees more.
local STEPS, WINDOWS, RING = 8, '>I4I2c16I4I2c16', '>I2I2I2I2I2I2I2I2'

-- Steps in which nobody logged in, and the new one, begin with what was counted before.
local function begin_steps(ring, newest, step, total)
	local begins = { struct.unpack(RING, ring) }
	local first = newest < step and step - newest < STEPS and newest + 1 or step - STEPS + 1
	for one = first, step do
		begins[one % STEPS + 1] = total
	end
	return struct.pack(RING, unpack(begins, 1, STEPS))
end

local function counted(ring, step, total)
	return (total - struct.unpack('>I2', ring, 1 + (step + 1) % STEPS * 2)) % 65536
end

local shut_out
if not again then
	local hour_newest, hour_total, hour, day_newest, day_total, day =
		struct.unpack(WINDOWS, logins or string.rep('\0', COUNTS_SIZE))
	local hour_step = math.floor(time / (HOUR / STEPS))
	local day_step = math.floor(time / (DAY / STEPS))
	if hour_newest ~= hour_step then
		hour = begin_steps(hour, hour_newest, hour_step, hour_total)
	end
	if day_newest ~= day_step then
		day = begin_steps(day, day_newest, day_step, day_total)
	end
	hour_total, day_total = (hour_total + 1) % 65536, (day_total + 1) % 65536
	if an_hour ~= '0' and counted(hour, hour_step, hour_total) > tonumber(an_hour) or
		a_day ~= '0' and counted(day, day_step, day_total) > tonumber(a_day) then
		changes().switch_off(time, 'connection-limit', 'postern', '') -- D3
		return { 'off', 'connection-limit' }
	end
	-- Most often this network is one of the first two, of 8 bytes each, and of today.
	local today, known = math.floor(time / DAY), string.find(first_networks, NETWORK, 1, true)
	if not known or known % 8 ~= 1 or
		struct.unpack('>I2', first_networks, known + 6) ~= today then
		shut_out = by_network(time).welcome()
	end
	logins = struct.pack(WINDOWS .. 'c0', hour_step, hour_total, hour, day_step, day_total, day,
		first_networks)
end

-- The last use of an app password is kept with the protocol's, until another one is used with it.
if last_number and last_number ~= number and last_number ~= '0' then
	local used = redis.call('HGET', ACCOUNT, 'used:' .. last_number)
	if not used or tonumber(string.match(used, '^%d+')) < tonumber(last) then
		redis.call('HSET', ACCOUNT, 'used:' .. last_number,
			last .. ' ' .. protocol .. ' ' .. last_address)
	end
end
if expires ~= '0' then
	-- It is noted, unless a version made it that didn't.
	changes().note_expiry(tonumber(expires), KEYS[7])
end

-- No value has more than 64 bytes: with a longer one Redis would store the hash at twice the size.
redis.call('HSET', ACCOUNT, 'logins', logins,
	'seen:' .. protocol, -- P3
	digits(time) .. ' ' .. address .. ' ' .. attempt .. ' ' .. number)
return { 'allow', digest, shut_out }
