-- Puts an account as it was exported in the place of whatever is known about it.
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] that of failures: neither is carried. ARGV:
-- format, the history, then pairs of field and value.

if not marked() then
	return unmarked()
end

local same = redis.call('HLEN', ACCOUNT) == (#ARGV - 2) / 2 and
	(redis.call('GET', HISTORY) or '') == ARGV[2]
for i = 3, #ARGV, 2 do
	same = same and redis.call('HGET', ACCOUNT, ARGV[i]) == ARGV[i + 1]
end
if same then
	return { 'unchanged' }
end

local was = redis.call('HGET', ACCOUNT, 'access')
redis.call('DEL', ACCOUNT, HISTORY, KEYS[6], KEYS[7])
for i = 3, #ARGV, 2 do
	redis.call('HSET', ACCOUNT, ARGV[i], ARGV[i + 1])
end
if ARGV[2] ~= '' then
	redis.call('SET', HISTORY, ARGV[2])
end
local access, since, pop3 = unpack(redis.call('HMGET', ACCOUNT, 'access', 'since', 'seen:pop3'))
if access == 'enabled' then
	-- Use of IMAP may not count for the tier: a time that is too early is put right by
	-- unused.lua.
	local used = math.max(tonumber(since), tonumber(string.match(pop3 or '', '^%d+') or 0))
	redis.call('ZADD', UNUSED, digits(used), account_name())
else
	redis.call('ZREM', UNUSED, account_name())
end
if was == 'enabled' then
	-- What was open before was opened with what is no longer known.
	changes().announce('end', clock(), '', '')
end
return { 'done' }
