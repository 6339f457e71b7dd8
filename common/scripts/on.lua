-- Switches external access on with a new app password (A2, A3).
--
-- KEYS[3] is the history. ARGV: format, digest of the app password, by, from.

if not marked() then
	return unmarked()
end

local digest, by, from = ARGV[2], ARGV[3], ARGV[4]
local access, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'since'))
if access == 'enabled' then
	-- With this very password it was this call that switched on: its answer got lost.
	local ours = redis.call('HEXISTS', ACCOUNT, PASSWORD .. digest) == 1
	return { ours and 'done' or 'unchanged', 'enabled', '', since }
end

local time = string.format('%.0f', clock())
local number = redis.call('HINCRBY', ACCOUNT, 'numbers', 1)
redis.call('HSET', ACCOUNT, 'access', 'enabled', 'since', time, 'by', by, 'from', from,
	PASSWORD .. digest, string.format('%.0f %s 0', number, time))
redis.call('HDEL', ACCOUNT, 'reason')
remember(KEYS[3], time, 'on', '', by, from)
return { 'done', 'enabled', '', time }
