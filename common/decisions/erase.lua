-- Forgets an account: every key and every entry that names it.
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] that of what was sent, KEYS[8] that of failures,
-- KEYS[9] the partition's names by their references in traces, KEYS[10] its index of expiries,
-- KEYS[11] its index of notices that were refused. ARGV: format, the account's reference for traces
-- ('' if it needs none).

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local access = redis.call('HGET', ACCOUNT, 'access')
local name = account_name()
for _, entry in ipairs(redis.call('XRANGE', OUTBOX, '-', '+')) do
	local fields = entry[2]
	for i = 1, #fields, 2 do
		if fields[i] == 'account' and fields[i + 1] == name then
			redis.call('XDEL', OUTBOX, entry[1])
		end
	end
end
local erased = redis.call('DEL', ACCOUNT, HISTORY, KEYS[6], KEYS[7], KEYS[8]) > 0
redis.call('ZREM', UNUSED, name)
redis.call('ZREM', KEYS[10], name)
redis.call('ZREM', KEYS[11], name)
if ARGV[2] ~= '' then
	redis.call('HDEL', KEYS[9], ARGV[2])
end
if access == 'enabled' then
	-- The last trace: it goes within the hour that the outbox keeps what is done.
	change.announce('end', clock(), '', '')
end
return { erased and 'done' or 'unchanged', 'disabled', 'never-enabled', '0' }
