-- Changes what the site decides about an account: tier, activity, tls, language, sending.
--
-- ARGV: format, by, from, the new tier's hold in milliseconds (S5), the tiers' rows as login.lua
-- gets them, then pairs of field and value. A value that is the default is not stored.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local DEFAULTS = { tier = 'free', activity = 'active', tls = 'required', sending = 'allowed' }
local by, from, hold = ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = clock()
local changed, passive, loses = {}, false, false

-- Whether the one tier has a protocol that the other one lacks (A8).
local function has_more(one, other)
	local rest = read_tier(other, ARGV[5], '^\n%S+ (%S*)')
	for protocol in string.gmatch(read_tier(one, ARGV[5], '^\n%S+ (%S*)'), '[^,]+') do
		if not string.find(rest, protocol, 1, true) then
			return true
		end
	end
	return false
end

for at = 6, #ARGV - 1, 2 do
	local field, value = ARGV[at], ARGV[at + 1]
	local old = redis.call('HGET', ACCOUNT, field) or DEFAULTS[field] or ''
	if old ~= value then
		if field == 'tier' then
			loses = has_more(old, value)
			if redis.call('HGET', ACCOUNT, 'access') == 'enabled' then
				-- The next sweep looks at it: in the index it may be listed as if
				-- its time were longer (D2).
				redis.call('ZADD', UNUSED, redis.call('HGET', ACCOUNT, 'since'),
					account_name())
			end
			local held, held_until =
				unpack(redis.call('HMGET', ACCOUNT, 'held_tier', 'held_until'))
			redis.call('HDEL', ACCOUNT, 'held_tier', 'held_until')
			if hold > 0 then
				-- Two upgrades in a row don't end the hold of the first.
				redis.call('HSET', ACCOUNT,
					'held_tier',
					held and time < tonumber(held_until) and held or old,
					'held_until', digits(time + hold))
			end
		end
		if value == (DEFAULTS[field] or '') then
			redis.call('HDEL', ACCOUNT, field)
		else
			redis.call('HSET', ACCOUNT, field, value)
		end
		table.insert(changed, field .. '=' .. value)
	end
	passive = passive or field == 'activity' and value == 'passive'
end

if #changed > 0 then
	change.remember(time, 'set', table.concat(changed, ' '), by, from)
end
local access, reason, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since'))
if access == 'enabled' and passive then -- D1
	change.switch_off(time, 'passive', by, from) -- D1
	return { 'done', 'disabled', 'passive', digits(time) }
end
if access == 'enabled' and loses then
	-- What was opened for a protocol that is gone ends, as if an app password had ended: what
	-- may continue logs in again.
	redis.call('HSET', ACCOUNT, 'revoked', digits(time))
	change.announce('end', time, by, from)
end
return { #changed > 0 and 'done' or 'unchanged', access or 'disabled',
	access ~= 'enabled' and reason or 'never-enabled', since or '0' }
