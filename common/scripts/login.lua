-- May this login from outside pass? (A1, A7 to A10, P1, P3, D3, D4)
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] the index of expiries. ARGV: format, protocol,
-- address, whether secured (0 or 1), attempt, the address's network (4 bytes), the tiers' rows, and
-- the digests of what was entered, one for each key of the site, the current one first.

if not marked() then
	return unmarked()
end

local HOUR, DAY = 3600000, 86400000
local protocol, address, secured, attempt = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local wanted = { 'access', 'tier', 'seen:' .. protocol, 'logins' }
for i = 8, #ARGV do
	table.insert(wanted, PASSWORD .. ARGV[i])
end
local found = redis.call('HMGET', ACCOUNT, unpack(wanted))
local access, tier, seen, logins = unpack(found, 1, 4)
local tier_name, protocols, interval, an_hour, a_day, wrong_passwords, networks

local function read_row()
	tier_name, protocols, interval, an_hour, a_day, wrong_passwords, networks =
		read_tier(tier, ARGV[7], '^\n(%S+) (%S*) (%d+) (%d+) (%d+) (%d+) (%d+)')
end

-- D4: the log has an entry for each different wrong password of the last hour: when it was tried,
-- what it begins with, digested, and from which network. It never holds more than the rule asks
-- for: what goes first is the oldest of a network that has others. Access goes off when it is full,
-- and of enough networks.
local function count_wrong()
	local ENTRY, ENTRY_SIZE = '>I4c5c4', 13
	local WRONG = KEYS[6]
	local limit, time = tonumber(wrong_passwords), clock()
	local tag = string.match(ARGV[8], '^%d+:(.....)')
	local kept, of_network, count = {}, {}, 0
	local log = redis.call('GET', WRONG) or ''
	for at = 1, #log, ENTRY_SIZE do
		local when, which, network = struct.unpack(ENTRY, log, at)
		if when * 1000 + HOUR > time then
			if which == tag then
				return -- the same again, as mail programs do
			end
			table.insert(kept, { text = string.sub(log, at, at + ENTRY_SIZE - 1),
				network = network })
		end
	end
	table.insert(kept, { text = struct.pack(ENTRY, math.floor(time / 1000), tag, ARGV[6]),
		network = ARGV[6] })
	for _, entry in ipairs(kept) do
		count = count + (of_network[entry.network] and 0 or 1)
		of_network[entry.network] = (of_network[entry.network] or 0) + 1
	end
	if #kept >= limit and count >= tonumber(networks) then
		redis.call('DEL', WRONG)
		changes().switch_off(time, 'break-in', 'postern', '')
		return
	end
	for place, entry in ipairs(kept) do
		if #kept > limit and of_network[entry.network] > 1 then
			table.remove(kept, place)
			break
		end
	end
	local texts = {}
	for _, entry in ipairs(kept) do
		table.insert(texts, entry.text)
	end
	redis.call('SET', WRONG, table.concat(texts), 'PX', HOUR)
end

local number, ended, expires, scope
for i = 5, #wanted do
	if found[i] then
		number, ended, expires, scope =
			string.match(found[i], '^(%d+) %d+ (%d+) (%d+) (%S+)$')
		break
	end
end
if not number then
	if access == 'enabled' then
		read_row()
		if wrong_passwords ~= '0' then
			count_wrong()
		end
	end
	return { 'wrong-password' }
end
if access ~= 'enabled' then
	return { 'off', redis.call('HGET', ACCOUNT, 'reason') or 'never-enabled' }
end
if ended ~= '0' then
	return { 'wrong-password' }
end
local time = clock()
if expires ~= '0' and tonumber(expires) <= time then
	return { 'expired' }
end
if not secured and redis.call('HGET', ACCOUNT, 'tls') ~= 'exempt' then
	return { 'tls-required' }
end
read_row()
if not string.find(protocols, protocol, 1, true) then
	return { 'protocol', tier_name }
end
if scope ~= '*' and not string.find(scope, protocol, 1, true) then
	return { 'scope' }
end

local last, last_address, last_attempt, last_number
if seen then
	last, last_address, last_attempt, last_number =
		string.match(seen, '^(%d+) (%S*) (%S*) (%d+)$')
end
-- The same attempt, asked about again because the answer got lost, is neither too soon nor counted.
local again = last_attempt == attempt
if protocol == 'pop3' and last and not again then
	local passed = time - last
	interval = tonumber(interval)
	-- After a failover the clock may be another one, and the last login in the future.
	if passed >= 0 and passed < interval then
		return { 'too-soon', math.ceil((interval - passed) / 1000) }
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

if not again then
	local hour_newest, hour_total, hour, day_newest, day_total, day =
		struct.unpack(WINDOWS, logins or string.rep('\0', 44))
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
		changes().switch_off(time, 'connection-limit', 'postern', '')
		return { 'off', 'connection-limit' }
	end
	logins = struct.pack(WINDOWS, hour_step, hour_total, hour, day_step, day_total, day)
end

-- The last use of an app password stands with the protocol's, until another one is used with it.
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
	'seen:' .. protocol, digits(time) .. ' ' .. address .. ' ' .. attempt .. ' ' .. number)
return { 'allow' }
