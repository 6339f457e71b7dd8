-- Looks at one account that the index says has long not been used: warns its owner, or switches
-- access off, reason unused (D2).
--
-- ARGV: format, the time (0 for Redis's own), whether to look only (0 or 1), how long before the
-- end the owner is warned (0: not at all), how long an account may rest in the index before it is
-- looked at, and the tiers' rows. All in milliseconds. Answers with what was, or would be, done,
-- the last use and when access ends without another one.
--
-- A login doesn't touch the index: that would cost each one of millions, to find a few. Instead an
-- account that has been used meanwhile is put back here with its last use, so it is looked at once
-- in two months. One whose time is longer than the shortest tier's is in the index as if used
-- later.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local time, only_look = tonumber(ARGV[2]), ARGV[3] == '1'
local warning, rest = tonumber(ARGV[4]), tonumber(ARGV[5])
if time == 0 then
	time = clock()
end
local access, since, tier, pop3, imap, warned =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'since', 'tier', 'seen:pop3',
		'seen:imap', 'warned'))
if access ~= 'enabled' then
	if not only_look then
		redis.call('ZREM', UNUSED, account_name())
	end
	return { 'off-before', '0', '0' }
end

local uses_imap, limit = read_tier(tier, ARGV[6], '^\n%S+ (%d) (%d+)')
local used = tonumber(since)
for _, seen in ipairs({ pop3 or '', uses_imap == '1' and imap or '' }) do
	used = math.max(used, tonumber(string.match(seen, '^%d+') or 0))
end
limit = tonumber(limit)
local ends = used + limit

local function done(what, look_again)
	if look_again and not only_look then
		redis.call('ZADD', UNUSED, look_again - rest, account_name())
	end
	return { what, digits(used), digits(ends) }
end

if limit == 0 then
	return done('never', time + rest)
end
if ends <= time then
	if not only_look then
		change.switch_off(time, 'unused', 'postern', '') -- D2
	end
	return done('unused')
end
if warning == 0 or warned == digits(used) then
	return done('used', ends)
end
if ends - warning > time then
	return done('used', ends - warning)
end
if not only_look then
	redis.call('HSET', ACCOUNT, 'warned', digits(used))
	change.announce('warning', time, 'postern', '', 'until', digits(ends))
end
return done('warned', ends)
