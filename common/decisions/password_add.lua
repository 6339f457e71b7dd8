-- A further app password (A10).
--
-- KEYS[6] is the index of expiries. ARGV: format, by, from, how many may work at once, and of the
-- app password its digest, protocols, how long it lasts in milliseconds (0: for ever) and label.
-- Answers with the number of the new one.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local by, from, most, digest = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local access, reason, since, mine =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since', PASSWORD .. digest))
if access ~= 'enabled' then
	return { 'off', 'disabled', reason or 'never-enabled', since or '0', '0' }
end
if mine then
	-- This very call made it: its answer was lost.
	return { 'done', 'enabled', '', since, string.match(mine, '^%d+') }
end
local time, working = clock(), 0
change.expire(time, KEYS[6])
local passwords = change.all_passwords()
for _, password in ipairs(passwords) do
	if password.ended == 0 and password.expires ~= 0 and password.expires <= time then
		password.ended = password.expires
		change.put_password(password)
	end
	working = working + (password.ended == 0 and 1 or 0)
end
change.forget_passwords(passwords)
if working >= most then
	return { 'too-many', 'enabled', '', since, digits(working) } -- A10
end

local number = change.make_password(time, digest, ARGV[6], ARGV[7], ARGV[8], KEYS[6])
change.remember(time, 'password-add', number, by, from)
change.announce('password', time, by, from, 'number', number, 'label', ARGV[8])
return { 'done', 'enabled', '', since, number }
