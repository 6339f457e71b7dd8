-- Switches external access off (A3).
--
-- ARGV: format, reason, by, from. Who has seen that an account is cracked says so also while access
-- is off already: another reason gives way, so that the gate of B4 closes.

if not marked() then
	return unmarked()
end

local change = changes()
local access, reason, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since'))
local gives_way = ARGV[2] == 'compromised' and reason ~= 'compromised' and reason ~= 'break-in'
if access ~= 'enabled' and not gives_way then
	return { 'unchanged', 'disabled', reason or 'never-enabled', since or '0' }
end
local time = clock()
change.switch_off(time, ARGV[2], ARGV[3], ARGV[4])
return { 'done', 'disabled', ARGV[2], digits(time) }
