-- Switches external access off (A3).
--
-- ARGV: format, reason, by, from. Staff who see that an account is cracked may say so even while
-- access is already off: another reason gives way, so that the webmail password has to be changed
-- (B4).

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local access, reason, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since'))
local gives_way = ARGV[2] == 'compromised' and reason ~= 'compromised' and reason ~= 'break-in'
if access ~= 'enabled' and not gives_way then
	return { 'unchanged', 'disabled', reason or 'never-enabled', since or '0' }
end
local time = clock()
change.switch_off(time, ARGV[2], ARGV[3], ARGV[4]) -- A3
return { 'done', 'disabled', ARGV[2], digits(time) }
