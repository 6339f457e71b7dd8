-- Ends one app password, and leaves the others and access as they are (A10).
--
-- ARGV: format, by, from, its number.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local by, from, number = ARGV[2], ARGV[3], tonumber(ARGV[4])
local access, reason, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since'))
local passwords, revoked = change.all_passwords()
for _, password in ipairs(passwords) do
	if password.number == number then
		revoked = password
	end
end
local rest = { access or 'disabled', access ~= 'enabled' and reason or 'never-enabled',
	since or '0', ARGV[4] }
if not revoked then
	return { 'unknown', unpack(rest) }
end
if revoked.ended ~= 0 then
	return { 'unchanged', unpack(rest) }
end
local time = clock()
revoked.ended = time
change.put_password(revoked)
redis.call('HSET', ACCOUNT, 'revoked', digits(time)) -- A10
change.forget_passwords(passwords)
change.remember(time, 'password-revoke', digits(number), by, from)
-- Its sessions end with it: see session.lua for which ones these are.
change.announce('end', time, by, from)
return { 'done', unpack(rest) }
