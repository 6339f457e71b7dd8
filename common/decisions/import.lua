-- Puts an account as it was exported in the place of whatever is known about it.
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] that of failures: neither is carried. KEYS[8] is
-- the index of expiries. ARGV: format, the history, then pairs of field and value.

if not is_stamped() then
	return not_stamped()
end

-- Not what is about connections and sessions that were open there, and then.
local function is_carried(field)
	return field ~= 'revoked' and field ~= 'expires'
end

local fields = redis.call('HLEN', ACCOUNT) - redis.call('HEXISTS', ACCOUNT, 'revoked') -
	redis.call('HEXISTS', ACCOUNT, 'expires')
local same = (redis.call('GET', HISTORY) or '') == ARGV[2]
for i = 3, #ARGV, 2 do
	if is_carried(ARGV[i]) then
		fields = fields - 1
		same = same and redis.call('HGET', ACCOUNT, ARGV[i]) == ARGV[i + 1]
	end
end
if same and fields == 0 then
	return { 'unchanged' }
end

local change, time = changes(), clock()
local was = redis.call('HGET', ACCOUNT, 'access')
redis.call('DEL', ACCOUNT, HISTORY, KEYS[6], KEYS[7])
redis.call('ZREM', KEYS[8], account_name())
for i = 3, #ARGV, 2 do
	if is_carried(ARGV[i]) then
		redis.call('HSET', ACCOUNT, ARGV[i], ARGV[i + 1])
	end
end
if ARGV[2] ~= '' then
	redis.call('SET', HISTORY, ARGV[2])
end
local access, since, pop3 = unpack(redis.call('HMGET', ACCOUNT, 'access', 'since', 'seen:pop3'))
if access == 'enabled' then
	-- Use of IMAP may not count for the tier: a time that is too early is corrected by
	-- unused.lua.
	local used = math.max(tonumber(since), tonumber(string.match(pop3 or '', '^%d+') or 0))
	redis.call('ZADD', UNUSED, digits(used), account_name())
	-- What was open before was opened with what is no longer known: SMTP connections too (A3).
	redis.call('HSET', ACCOUNT, 'revoked', digits(time))
	change.expire(time, KEYS[8])
else
	redis.call('ZREM', UNUSED, account_name())
end
if was == 'enabled' then
	change.announce('end', time, '', '')
end
return { 'done' }
