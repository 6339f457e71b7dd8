-- The owner has changed the webmail password: opens the gate of B4, if there is one, and ends the
-- shut-outs of D4.
--
-- KEYS[6] is the log of wrong passwords. ARGV: format, by, from.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local access, reason, since, changed =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since', 'changed'))
local needs_change = access == 'disabled' and not changed and
	(reason == 'compromised' or reason == 'break-in')
local time, shut_outs = clock(), change.read_guesses()
redis.call('DEL', KEYS[6])
if needs_change then
	redis.call('HSET', ACCOUNT, 'changed', digits(time)) -- B4
end
if needs_change or shut_outs ~= '' then
	change.remember(time, 'password-changed', '', ARGV[2], ARGV[3])
end
return { needs_change and 'done' or 'unchanged', access or 'disabled',
	access ~= 'enabled' and reason or 'never-enabled', since or '0' }
