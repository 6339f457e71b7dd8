-- Switches external access off (A3).
--
-- ARGV: format, reason, by, from.

if not marked() then
	return unmarked()
end

local change = changes()
local access, reason, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since'))
if access ~= 'enabled' then
	return { 'unchanged', 'disabled', reason or 'never-enabled', since or '0' }
end
local time = clock()
change.switch_off(time, ARGV[2], ARGV[3], ARGV[4])
return { 'done', 'disabled', ARGV[2], digits(time) }
