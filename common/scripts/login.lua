-- May this login from outside pass? (A1, A7 to A10, P1, P3, D3, D4)
--
-- KEYS[6] is the log of wrong passwords. ARGV: format, protocol, address, whether secured (0 or 1),
-- attempt, the address's network (4 bytes), the tiers' rows, and the digests of what was entered, one
-- for each key of the site, the current one first.

if not marked() then
	return unmarked()
end

local HOUR, DAY = 3600000, 86400000
local protocol, address, secured, attempt = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local wanted = { 'access', 'reason', 'tier', 'tls', 'seen:' .. protocol, 'logins:hour', 'logins:day' }
for i = 8, #ARGV do
	table.insert(wanted, PASSWORD .. ARGV[i])
end
local found = redis.call('HMGET', ACCOUNT, unpack(wanted))
local access, reason, tier, tls, seen, hour, day = unpack(found, 1, 7)
local tier_name, protocols, interval, an_hour, a_day, wrong_passwords, networks

local function read_row()
	tier_name, protocols, interval, an_hour, a_day, wrong_passwords, networks =
		read_tier(tier, ARGV[7], '^\n(%S+) (%S*) (%d+) (%d+) (%d+) (%d+) (%d+)')
end

-- D4: the log has an entry for each different wrong password of the last hour: when it was tried,
-- what it begins with, digested, and from which network. It never holds more than the rule asks for:
-- what goes first is the oldest of a network that has others. Access goes off when it is full, and of
-- enough networks.
local function count_wrong()
	local ENTRY, ENTRY_SIZE = '>I4c5c4', 13
	local WRONG = KEYS[6]
	local limit, time = tonumber(wrong_passwords), clock()
	local tag = string.match(ARGV[8], '^%d+:(.....)')
	local kept, of_network, count = {}, {}, 0
	local log = redis.call('GET', WRONG) or ''
	for at = 1, #log, ENTRY_SIZE do
		local when, which, network = struct.unpack(ENTRY, log, at)
		if when * 1000 + HOUR > time then
			if which == tag then
				return -- the same again, as mail programs do
			end
			table.insert(kept, { text = string.sub(log, at, at + ENTRY_SIZE - 1), network = network })
		end
	end
	table.insert(kept, { text = struct.pack(ENTRY, math.floor(time / 1000), tag, ARGV[6]), network = ARGV[6] })
	for _, entry in ipairs(kept) do
		count = count + (of_network[entry.network] and 0 or 1)
		of_network[entry.network] = (of_network[entry.network] or 0) + 1
	end
	if #kept >= limit and count >= tonumber(networks) then
		redis.call('DEL', WRONG)
		switch_off(time, 'break-in', 'postern', '')
		return
	end
	for place, entry in ipairs(kept) do
		if #kept > limit and of_network[entry.network] > 1 then
			table.remove(kept, place)
			break
		end
	end
	local texts = {}
	for _, entry in ipairs(kept) do
		table.insert(texts, entry.text)
	end
	redis.call('SET', WRONG, table.concat(texts), 'PX', HOUR)
end

local number, ended, expires, scope, _
for i = 8, #wanted do
	if found[i] then
		number, _, ended, expires, scope = read_password(found[i])
		break
	end
end
if not number then
	if access == 'enabled' then
		read_row()
		if wrong_passwords ~= '0' then
			count_wrong()
		end
	end
	return { 'wrong-password' }
end
if access ~= 'enabled' then
	return { 'off', reason or 'never-enabled' }
end
if ended ~= 0 then
	return { 'wrong-password' }
end
local time = clock()
if expires ~= 0 and expires <= time then
	return { 'expired' }
end
if not secured and tls ~= 'exempt' then
	return { 'tls-required' }
end
read_row()
if not string.find(protocols, protocol, 1, true) then
	return { 'protocol', tier_name }
end
if scope ~= '*' and not string.find(scope, protocol, 1, true) then
	return { 'scope' }
end

if seen then
	local last, _, same = string.match(seen, '^(%d+) (%S*) (%S*)$')
	if same == attempt then
		return { 'allow' } -- asked about again because the answer got lost
	end
	local passed = time - last
	interval = tonumber(interval)
	-- After a failover the clock may be another one, and the last login in the future.
	if protocol == 'pop3' and passed >= 0 and passed < interval then
		return { 'too-soon', math.ceil((interval - passed) / 1000) }
	end
end

-- D3: counts this login in one window, in twelve steps, and says whether it is one too many. The ring
-- is the number of the step it is in, the count of all logins, and for each of the last twelve
-- steps the count with which it began. The window is the current step and the eleven before it: so
-- it may miss what a whole one would see, and never sees more.
local STEPS = 12

local function count_login(ring, window, limit)
	local step = math.floor(time / (window / STEPS))
	local newest, total = 0, 0
	if ring then
		newest, total = struct.unpack('>I4I4', ring)
	end
	total = total + 1
	if newest == step then
		ring = struct.pack('>I4I4', step, total) .. string.sub(ring, 9)
	else
		local begins = ring and { struct.unpack('>' .. string.rep('I4', STEPS), ring, 9) } or {}
		for slot = 1, STEPS do
			begins[slot] = begins[slot] or 0
		end
		-- Steps in which nobody logged in, and this one, begin with what was counted before.
		local first = step - newest < STEPS and newest < step and newest + 1 or step - STEPS + 1
		for one = first, step do
			begins[one % STEPS + 1] = total - 1
		end
		ring = struct.pack('>I4I4' .. string.rep('I4', STEPS), step, total, unpack(begins, 1, STEPS))
	end
	local began = struct.unpack('>I4', ring, 9 + (step + 1) % STEPS * 4)
	return ring, limit ~= '0' and total - began > tonumber(limit)
end

local over_hour, over_day
hour, over_hour = count_login(hour, HOUR, an_hour)
day, over_day = count_login(day, DAY, a_day)
if over_hour or over_day then
	switch_off(time, 'connection-limit', 'postern', '')
	return { 'off', 'connection-limit' }
end
local now = digits(time)
redis.call('HSET', ACCOUNT, 'seen:' .. protocol, now .. ' ' .. address .. ' ' .. attempt,
	'used:' .. number, now .. ' ' .. protocol .. ' ' .. address, 'logins:hour', hour, 'logins:day', day)
return { 'allow' }
