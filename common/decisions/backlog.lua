-- What a partition has to do: notices that wait, and accounts that have long not been used.
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] its outbox, KEYS[3] its index of accounts by
-- last use, KEYS[4] the notices that wait until sessions are ended, by when they came to be
-- (claim.lua), KEYS[5] the accounts whose mailbox has refused a notice (refused.lua). ARGV: format,
-- how long an account may rest in the index (0 for ever). Answers with the number of notices, the
-- age of the oldest, the number of accounts that are due and the number of notices that were
-- refused. Times are milliseconds.

if not is_stamped() then
	return not_stamped()
end

local OUTBOX_KEY, INDEX, HELD, rest = KEYS[2], KEYS[3], KEYS[4], tonumber(ARGV[2])
local COUNTED = 1000 -- new notices at most, where they have to be counted one by one
local now = clock()
local waiting, oldest = 0, now

-- An entry's id begins with when it came to be.
local function count(number, id)
	waiting = waiting + number
	oldest = math.min(oldest, tonumber(string.match(id, '^%d+')))
end

if redis.call('EXISTS', OUTBOX_KEY) == 1 then
	local delivered, lag = '-', redis.call('XLEN', OUTBOX_KEY)
	for _, facts in ipairs(redis.call('XINFO', 'GROUPS', OUTBOX_KEY)) do
		if facts[2] == 'notices' then
			local pending = redis.call('XPENDING', OUTBOX_KEY, 'notices')
			if pending[1] > 0 then
				count(pending[1], pending[2])
			end
			lag = false
			for i = 1, #facts, 2 do
				if facts[i] == 'last-delivered-id' then
					delivered = '(' .. facts[i + 1]
				end
				lag = facts[i] == 'lag' and facts[i + 1] or lag
			end
		end
	end
	local new = redis.call('XRANGE', OUTBOX_KEY, delivered, '+', 'COUNT', 1)
	if #new > 0 then
		-- Redis doesn't know the lag after a deletion, and before version 7.
		count(lag or #redis.call('XRANGE', OUTBOX_KEY, delivered, '+', 'COUNT', COUNTED),
			new[1][1])
	end
end
local held = redis.call('ZRANGE', HELD, 0, 0)
if held[1] then
	count(redis.call('ZCARD', HELD), held[1])
end
local due = rest > 0 and redis.call('ZCOUNT', INDEX, '-inf', digits(now - rest)) or 0
return { 'done', digits(waiting), digits(waiting > 0 and now - oldest or 0), digits(due),
	digits(redis.call('ZCARD', KEYS[5])) }
