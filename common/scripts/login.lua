-- May this login from outside pass? (A1, A7 to A9, P1, P3)
--
-- ARGV: format, protocol, address, whether secured (0 or 1), attempt, the tiers (see read_tier), and
-- the digests of what was entered, one for each key of the site, the current one first.

if not marked() then
	return unmarked()
end

local protocol, address, secured, attempt = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local wanted = { 'access', 'reason', 'tier', 'tls', 'seen:' .. protocol }
for i = 7, #ARGV do
	table.insert(wanted, PASSWORD .. ARGV[i])
end
local found = redis.call('HMGET', ACCOUNT, unpack(wanted))
local access, reason, tier, tls, seen = unpack(found, 1, 5)

local password
for i = 6, #wanted do
	password = password or found[i]
end
if not password then
	return { 'wrong-password' }
end
if access ~= 'enabled' then
	return { 'off', reason or 'never-enabled' }
end
local _, _, ended = read_password(password)
if ended ~= 0 then
	return { 'wrong-password' }
end
if not secured and tls ~= 'exempt' then
	return { 'tls-required' }
end

local tier_name, protocols, interval = read_tier(tier, ARGV[6])
interval = tonumber(interval)
if not string.find(protocols, protocol, 1, true) then
	return { 'protocol', tier_name }
end

local time = clock()
if protocol == 'pop3' and seen then
	local last, _, same = string.match(seen, '^(%d+) (%S*) (%S*)$')
	local passed = time - last
	-- The same attempt, asked about again because the answer got lost, is not too soon. Nor is one
	-- after a login in the future: after a failover the clock may be another one.
	if passed >= 0 and passed < interval and same ~= attempt then
		return { 'too-soon', math.ceil((interval - passed) / 1000) }
	end
end
redis.call('HSET', ACCOUNT, 'seen:' .. protocol, time .. ' ' .. address .. ' ' .. attempt)
return { 'allow' }
