-- What every script begins with: the stored format, and what more than one rule needs.
--
-- KEYS[1] is the mark of the account's partition, KEYS[2] the account. ARGV[1] is the number of
-- the format. A script answers with an array that begins with a word, the verdict.
--
-- The account is a hash; what is absent has its default, so an account never heard of is no key at
-- all (A1):
--   access           enabled, or disabled
--   reason           why it is disabled (absent: never-enabled)
--   since, by, from  of the last change of access; times are milliseconds since 1970
--   tier             absent: free
--   held_tier, held_until   the tier whose limits hold for a while after an upgrade (S5)
--   activity         passive, or absent
--   tls              exempt, or absent (A7)
--   sending          blocked, or absent (S6)
--   language         of the owner, or absent
--   numbers          how many app passwords there ever were
--   password:DIGEST  'number created ended' of an app password; ended is 0 while it works
--   seen:PROTOCOL    'time address attempt' of the last login (P3)
-- The history is a string of lines, newest first: 'time what detail by from', separated by tabs
-- (D6). A list would cost each account 80 bytes more.

local MARK, ACCOUNT = KEYS[1], KEYS[2]
local PASSWORD = 'password:'
local ENDED_KEPT = 5 -- ended app passwords that are still recognised (A9)
local HISTORY_KEPT = 16

-- Redis's clock, the only one that counts.
local function clock()
	local time = redis.call('TIME')
	return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Without our mark Redis is empty or somebody else's: that is an outage, not a verdict.
local function marked()
	return redis.call('GET', MARK) == ARGV[1]
end

local function unmarked()
	return { 'unavailable', redis.call('EXISTS', MARK) == 1 and 'unknown format' or 'no mark' }
end

-- 'number created ended' as three numbers.
local function read_password(value)
	local number, created, ended = string.match(value, '^(%d+) (%d+) (%d+)$')
	return tonumber(number), tonumber(created), tonumber(ended)
end

local function remember(history, time, what, detail, by, from)
	local lines = { table.concat({ string.format('%.0f', time), what, detail, by, from }, '\t') }
	for line in string.gmatch(redis.call('GET', history) or '', '[^\n]+') do
		if #lines < HISTORY_KEPT then
			table.insert(lines, line)
		end
	end
	redis.call('SET', history, table.concat(lines, '\n'))
end

-- Ends every app password that works, and forgets all but the newest ended ones (A3, A9).
local function end_passwords(time)
	local fields = redis.call('HGETALL', ACCOUNT)
	local passwords = {}
	for i = 1, #fields, 2 do
		if string.sub(fields[i], 1, #PASSWORD) == PASSWORD then
			local number, created, ended = read_password(fields[i + 1])
			table.insert(passwords, { field = fields[i], number = number, created = created, ended = ended })
		end
	end
	table.sort(passwords, function(a, b) return a.number > b.number end)
	for place, password in ipairs(passwords) do
		if place > ENDED_KEPT then
			redis.call('HDEL', ACCOUNT, password.field)
		elseif password.ended == 0 then
			redis.call('HSET', ACCOUNT, password.field,
				string.format('%.0f %.0f %.0f', password.number, password.created, time))
		end
	end
end

-- The one way access goes off, whatever the reason.
local function switch_off(history, time, reason, by, from)
	end_passwords(time)
	redis.call('HSET', ACCOUNT, 'access', 'disabled', 'reason', reason,
		'since', string.format('%.0f', time), 'by', by, 'from', from)
	remember(history, time, 'off', reason, by, from)
end

-- The row of a tier, from the table that common/tier-rows.h describes: its name, protocols, POP3
-- interval, what is counted, and the limits a minute, an hour and of recipients. A tier that the
-- site no longer has is free, the first row.
local function read_tier(name, rows)
	local at = name and string.find(rows, '\n' .. name .. ' ', 1, true) or 1
	return string.match(rows, '^\n(%S+) (%S*) (%d+) (%S+) (%d+) (%d+) (%d+)', at)
end
