-- What every script begins with: the stored format, and what more than one rule needs.
--
-- KEYS[1] is the format stamp of the account's partition, KEYS[2] the account. Where a script may
-- change access, KEYS[3] is the account's history, KEYS[4] the partition's index of accounts by
-- last use and KEYS[5] the partition's outbox; a script's own keys come after these. ARGV[1] is the
-- number of the format. A script answers with an array that begins with a word, the verdict.
--
-- The account is a hash; what is absent has its default, so an account that was never heard of has
-- no key at all (A1):
--   access           enabled, or disabled
--   reason           why it is disabled (absent: never-enabled)
--   since            when access last changed; times are milliseconds since 1970
--   tier             absent: free
--   held_tier, held_until   the tier whose limits hold for a while after an upgrade (S5)
--   activity         passive, or absent
--   tls              exempt, or absent (A7)
--   sending          blocked, or absent (S6)
--   language         of the owner, or absent
--   numbers          how many app passwords there ever were
--   app:DIGEST       'number created ended expires protocols' of an app password (A10): ended is 0
--                    while it works, expires 0 for never, protocols * for all of the tier
--   label:NUMBER     of an app password, absent for none
--   seen:PROTOCOL    'time address attempt number' of the last login (P3), by the app password
--                    number, 0 if that is forgotten
--   used:NUMBER      'time protocol address' of an app password's last login, where seen doesn't
--                    say
--   logins           how often it logged in within the last hour and day (D3), and the last two
--                    networks that it did so from (D4), see login.lua
--   nets             further ones of these networks
--   break_ins        'count time' of attempts to break in: how many, each within 30 days of the
--                    one before it, and when the last was (D4)
--   revoked          when an app password last ended alone: was revoked, or expired
--   expires          when the next app password expires, or earlier: then somebody has to look
--   changed          when the webmail password was changed after a switch-off that asks for it (B4)
--   warned           the last use that the owner was warned about (D2)
--   unseen           the hosts whose sessions weren't seen to end when access went off (D5)
--   refused          'id times status' of the notice of it that the mailbox refused (D5)
-- No value has more than 64 bytes: with a longer one Redis stores a hash at several times the size.
-- The history is a string of lines, newest first: 'time what detail by from', separated by tabs,
-- the time in seconds and in hexadecimal digits (D6); where there is evidence for a switch-off, it
-- is a sixth part (B3, D4). A list would cost each account 80 bytes more. The failures of what an
-- account sent are a string of lines, see failure.lua. The wrong passwords that were tried on it,
-- and the networks that are shut out for that, are packed into one string, see read_guesses. The
-- index is a sorted set of the accounts with access on, by a time of use that may be older than the
-- last one: see unused.lua. The index of expiries is one of the accounts with app passwords that
-- expire, by expires or earlier. The outbox is a stream that the workers read: what owners have to
-- be told, and whose sessions have to end.

local STAMP, ACCOUNT, HISTORY, UNUSED, OUTBOX = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local PASSWORD = 'app:'
local ENDED_KEPT = 5 -- ended app passwords that are still recognised (A9)
local HISTORY_KEPT, HISTORY_SIZE = 8, 370 -- changes that are kept, and more while they fit

-- Redis's clock, the only one that counts.
local function clock()
	local time = redis.call('TIME')
	return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Without our format stamp Redis is empty or somebody else's: that is an outage, not a verdict.
local function is_stamped()
	return redis.call('GET', STAMP) == ARGV[1]
end

local function not_stamped()
	return { 'unavailable', redis.call('EXISTS', STAMP) == 1 and 'unknown format' or 'no mark' }
end

local function digits(number)
	return string.format('%.0f', number)
end

local function account_name()
	return string.match(ACCOUNT, '^postern:{%d+}:account:(.*)$')
end

-- The row of a tier, by the pattern that reads it from one of the tables that
-- common/settings/tier-rows.h describes. A tier that the site no longer has is free, the first row.
local function read_tier(name, rows, pattern)
	local at = name and string.find(rows, '\n' .. name .. ' ', 1, true) or 1
	return string.match(rows, pattern, at)
end

-- What changes an account. Made only where it is needed, as making functions takes a decision that
-- changes nothing longer than all else that it does.
local function changes()
	-- An app password's value: number, created, ended and expires as numbers, protocols.
	local function read_password(value)
		local number, created, ended, expires, protocols =
			string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
		return tonumber(number), tonumber(created), tonumber(ended), tonumber(expires),
			protocols
	end

	-- The app passwords of the account, newest first, with the field that each is in.
	local function all_passwords()
		local fields, passwords = redis.call('HGETALL', ACCOUNT), {}
		for i = 1, #fields, 2 do
			if string.sub(fields[i], 1, #PASSWORD) == PASSWORD then
				local number, created, ended, expires, protocols =
					read_password(fields[i + 1])
				table.insert(passwords, { field = fields[i], number = number,
					created = created, ended = ended, expires = expires,
					protocols = protocols })
			end
		end
		table.sort(passwords, function(a, b) return a.number > b.number end)
		return passwords
	end

	local function put_password(password)
		redis.call('HSET', ACCOUNT, password.field, table.concat({ digits(password.number),
			digits(password.created), digits(password.ended), digits(password.expires),
			password.protocols }, ' '))
	end

	-- Sees to it that somebody looks when an app password expires.
	local function note_expiry(expires, index)
		local noted = tonumber(redis.call('HGET', ACCOUNT, 'expires'))
		if not noted or expires < noted then
			redis.call('HSET', ACCOUNT, 'expires', digits(expires))
			redis.call('ZADD', index, digits(expires), account_name())
		end
	end

	-- A new app password; its number as text. It lasts this many milliseconds, '0' for ever.
	-- The index is that of expiries.
	local function make_password(time, digest, protocols, lasts, label, index)
		local number, expires = redis.call('HINCRBY', ACCOUNT, 'numbers', 1), 0
		if lasts ~= '0' then
			expires = time + lasts
			note_expiry(expires, index)
		end
		put_password({ field = PASSWORD .. digest, number = number, created = time,
			ended = 0, expires = expires, protocols = protocols })
		if label ~= '' then
			redis.call('HSET', ACCOUNT, 'label:' .. digits(number), label)
		end
		return digits(number)
	end

	local function forget_password(field, number)
		redis.call('HDEL', ACCOUNT, field, 'used:' .. number, 'label:' .. number)
		for _, protocol in ipairs({ 'pop3', 'imap', 'smtp' }) do
			local seen = redis.call('HGET', ACCOUNT, 'seen:' .. protocol)
			if seen and string.match(seen, '%d+$') == number then
				redis.call('HSET', ACCOUNT, 'seen:' .. protocol,
					(string.gsub(seen, '%d+$', '0')))
			end
		end
	end

	-- Forgets all but the newest of the app passwords that have ended (A9).
	local function forget_passwords(passwords)
		local ended = 0
		for _, password in ipairs(passwords) do
			ended = ended + (password.ended ~= 0 and 1 or 0)
			if password.ended ~= 0 and ended > ENDED_KEPT then
				forget_password(password.field, digits(password.number))
			end
		end
	end

	-- Evidence may be nil.
	local function remember(time, what, detail, by, from, evidence)
		local lines = { table.concat({ string.format('%x', time / 1000), what, detail, by,
			from, evidence }, '\t') }
		local size = #lines[1]
		for line in string.gmatch(redis.call('GET', HISTORY) or '', '[^\n]+') do
			size = size + 1 + #line
			if #lines >= HISTORY_KEPT and size > HISTORY_SIZE then
				break
			end
			table.insert(lines, line)
		end
		redis.call('SET', HISTORY, table.concat(lines, '\n')) -- D6
	end

	-- Tells the workers, who tell the owner (D5): further names and values may follow.
	local function announce(event, time, by, from, ...)
		redis.call('XADD', OUTBOX, '*', 'v', '1', 'event', event, 'account', account_name(),
			'time', digits(time), 'by', by, 'from', from,
			'language', redis.call('HGET', ACCOUNT, 'language') or '', ...) -- D5
	end

	-- Finds the app passwords that have expired since this was last done (A10). What was opened
	-- with one ends with it: SMTP connections by revoked, see send.lua, and sessions by the
	-- workers, see session.lua. True if there was one. Without the index a worker looks again,
	-- in vain.
	local function expire(time, index)
		local revoked = tonumber(redis.call('HGET', ACCOUNT, 'revoked')) or 0
		local newest, coming = revoked, nil
		for _, password in ipairs(all_passwords()) do
			if password.ended == 0 and password.expires > time then
				coming = math.min(coming or password.expires, password.expires)
			elseif password.ended == 0 then
				newest = math.max(newest, password.expires)
			end
		end
		redis.call('HDEL', ACCOUNT, 'expires')
		if index then
			redis.call('ZREM', index, account_name())
		end
		if coming then
			redis.call('HSET', ACCOUNT, 'expires', digits(coming))
		end
		if coming and index then
			redis.call('ZADD', index, digits(coming), account_name())
		end
		if newest > revoked then
			redis.call('HSET', ACCOUNT, 'revoked', digits(newest))
			announce('end', newest, 'postern', '')
		end
		return newest > revoked
	end

	-- For people, in 12 bytes at most.
	local function duration(milliseconds)
		local minutes = math.floor(milliseconds / 60000)
		if minutes < 2 then
			return digits(math.floor(milliseconds / 1000)) .. ' s'
		elseif minutes < 120 then
			return digits(minutes) .. ' min'
		end
		return digits(math.floor(minutes / 60)) .. ' h'
	end

	-- For people: what network_site() in common/base/network.c made of a client's address.
	local function network_text(network)
		local a, b, c, d, e, f = string.byte(network, 1, 6)
		if a + b + c + d + e + f == 0 then
			return 'unknown'
		elseif a + b + c == 0 then
			return string.format('%d.%d.%d.0/24', d, e, f)
		end
		local text = string.format('%x:%x:%x::', a * 256 + b, c * 256 + d, e * 256 + f)
		return string.gsub(string.gsub(text, ':0::$', '::'), ':0::$', '::') .. '/48'
	end

	-- The log of wrong passwords in its parts (D4), the entries of each in the order in which
	-- they came: the networks that were shut out, 10 bytes each, network and second; how many
	-- of them, the first ones, have been part of an attempt to break in, so that they count for
	-- no other; and the different wrong passwords of other networks within the hour, 14 bytes
	-- each: network, beginning of the digest, second.
	local function read_guesses()
		local log = redis.call('GET', KEYS[6])
		if not log then
			return '', 0, ''
		end
		local counted, size = struct.unpack('>I2I2', log)
		return string.sub(log, 5, 4 + size), counted, string.sub(log, 5 + size)
	end

	-- Puts it back, to be forgotten after that many milliseconds.
	local function write_guesses(shut_outs, counted, guesses, keep)
		if shut_outs == '' and guesses == '' then
			redis.call('DEL', KEYS[6])
		else
			redis.call('SET', KEYS[6], struct.pack('>I2I2', counted, #shut_outs) ..
				shut_outs .. guesses, 'PX', digits(keep))
		end
	end

	-- How many attempts to break in there were, each within 30 days of the one before it, and
	-- how many times as many networks as the first the next one takes (D4).
	local function break_ins(time)
		local before = redis.call('HGET', ACCOUNT, 'break_ins') or ''
		local number, last = string.match(before, '^(%d+) (%d+)$')
		local are_recent = number and tonumber(last) + 30 * 86400000 > time
		number = are_recent and tonumber(number) or 0
		return number, math.min(2 ^ number, 8)
	end

	-- The only way access goes off, whatever the reason: every app password ends (A3).
	local function switch_off(time, reason, by, from, evidence)
		local passwords = all_passwords()
		for _, password in ipairs(passwords) do
			if password.ended == 0 then
				password.ended = time
				put_password(password)
			end
		end
		forget_passwords(passwords)
		redis.call('HSET', ACCOUNT, 'access', 'disabled', 'reason', reason, 'since',
			digits(time))
		-- Logins are counted again, and their networks stay known (D4).
		local networks = string.sub(redis.call('HGET', ACCOUNT, 'logins') or '', 45) ..
			(redis.call('HGET', ACCOUNT, 'nets') or '')
		if networks ~= '' then
			redis.call('HSET', ACCOUNT, 'nets', string.sub(networks, 1, 64))
		end
		redis.call('HDEL', ACCOUNT, 'logins', 'changed', 'revoked', 'expires', 'warned',
			'unseen', 'refused')
		redis.call('ZREM', UNUSED, account_name())
		remember(time, 'off', reason, by, from, evidence)
		announce('off', time, by, from, 'reason', reason)
	end

	return { all_passwords = all_passwords, announce = announce, break_ins = break_ins,
		duration = duration, expire = expire, forget_passwords = forget_passwords,
		make_password = make_password, network_text = network_text,
		note_expiry = note_expiry, put_password = put_password,
		read_guesses = read_guesses, remember = remember, switch_off = switch_off,
		write_guesses = write_guesses }
end
