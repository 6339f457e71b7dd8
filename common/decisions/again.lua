-- Looks at one account whose mailbox has refused the notice that access is off, and puts it into
-- the outbox again (D5).
--
-- KEYS[6] is the index of accounts by when a refused notice is tried again. ARGV: format. Answers
-- with done; unchanged, where it isn't time or somebody else has done it; or over, where nobody
-- needs to be told any more: see refused.lua.

if not is_stamped() then
	return not_stamped()
end

local WAITING = KEYS[6]
local KEPT = 30 * 24 * 3600 * 1000
local now, name = clock(), account_name()
local due = redis.call('ZSCORE', WAITING, name)
if not due or tonumber(due) > now then
	return { 'unchanged' }
end
redis.call('ZREM', WAITING, name)
local access, reason, since, refused =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since', 'refused'))
if access ~= 'disabled' or not refused or now - since > KEPT then
	redis.call('HDEL', ACCOUNT, 'refused')
	return { 'over' }
end
changes().announce('again', tonumber(since), '', '', 'reason', reason,
	'refused', string.match(refused, '^%S+'))
return { 'done' }
