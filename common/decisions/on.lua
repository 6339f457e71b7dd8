-- Switches external access on with a new app password (A2, A3).
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] the index of expiries, KEYS[8] that of notices
-- that were refused. ARGV: format, by, from, whether to override B4 (0 or 1), and of the app
-- password its digest, protocols, how long it lasts (0: for ever) and label.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local by, from, force, digest = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local access, reason, since, changed =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since', 'changed'))
if access == 'enabled' then
	-- With this very password it was this call that switched on: its answer got lost.
	local ours = redis.call('HEXISTS', ACCOUNT, PASSWORD .. digest) == 1
	return { ours and 'done' or 'unchanged', 'enabled', '', since }
end

-- B4. A change of the webmail password counts for the switch-off before it alone.
local needs_change = not changed and (reason == 'compromised' or reason == 'break-in')
if needs_change and not force then
	return { 'gated', 'disabled', reason, since } -- B4
end

local time = clock()
local number = change.make_password(time, digest, ARGV[6], ARGV[7], ARGV[8], KEYS[7]) -- A2
redis.call('HSET', ACCOUNT, 'access', 'enabled', 'since', digits(time))
redis.call('HDEL', ACCOUNT, 'reason', 'changed', 'unseen', 'refused')
redis.call('ZREM', KEYS[8], account_name())
redis.call('ZADD', UNUSED, time, account_name())
redis.call('DEL', KEYS[6])
change.remember(time, 'on', needs_change and 'forced' or '', by, from)
change.announce('on', time, by, from, 'number', number, 'label', ARGV[8], 'off', since or '')
return { 'done', 'enabled', '', digits(time) }
