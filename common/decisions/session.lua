-- Do these sessions from outside still hold? (A3, A8, A10, D5)
--
-- KEYS after the format stamp are accounts of one partition. ARGV: format, the tiers' rows of
-- logins, then for each session three: the number of its account, from 1 on; its protocol, '' for
-- one that tiers don't name; and the digest of the app password that opened it, '' where it is not
-- known. Answers with a string that has a letter for each session: h for one that holds, o for one
-- that is over, and u where the account is not an account.
--
-- An app password ends with whatever ends what it opened, and never comes back. So it says all
-- there is to say about the past, and no clock is asked.

if not is_stamped() then
	return not_stamped()
end

-- A session of which nobody knows what opened it is over for as long as somebody may be looking for
-- what was opened before access went off, or an app password ended.
local LOOKED_FOR = 15 * 60 * 1000

local time = clock()

local function read_account(key)
	local found = redis.pcall('HMGET', key, 'access', 'tier', 'since', 'revoked')
	if found.err then
		return { broken = true }
	end
	local _, protocols = read_tier(found[2], ARGV[2], '^\n(%S+) (%S*)')
	-- Nobody logs in where a time is none, so nothing that is open there holds.
	local since, revoked = tonumber(found[3] or 0), tonumber(found[4] or 0)
	return { key = key, on = found[1] == 'enabled' and since and revoked, protocols = protocols,
		since = math.max(since or 0, revoked or 0) }
end

-- When an app password ended, and when it expires, of the value of its field; 0 for never. One that
-- makes no sense has ended, as for login.lua.
local function read_ends(value)
	local ended, expires = string.match(value or '', '^%d+ %d+ (%d+) (%d+) ')
	return tonumber(ended or 1), tonumber(expires or 0)
end

local function works(value)
	local ended, expires = read_ends(value)
	return value and ended == 0 and (expires == 0 or expires > time)
end

-- When access, or an app password, last ended.
local function last_end(account)
	local fields, last = redis.call('HGETALL', account.key), account.since
	for i = 1, #fields, 2 do
		if string.sub(fields[i], 1, #PASSWORD) == PASSWORD then
			local ended, expires = read_ends(fields[i + 1])
			last = math.max(last, ended, expires <= time and expires or 0)
		end
	end
	return last
end

local function holds(account, protocol, password)
	if not account.on then
		return false
	end
	if protocol ~= '' and not string.find(account.protocols, protocol, 1, true) then
		return false
	end
	if password ~= '' then
		return works(redis.call('HGET', account.key, PASSWORD .. password))
	end
	account.last_end = account.last_end or last_end(account)
	return time - account.last_end > LOOKED_FOR
end

local accounts, letters = {}, {}
for i = 3, #ARGV, 3 do
	local number = tonumber(ARGV[i])
	accounts[number] = accounts[number] or read_account(KEYS[1 + number])
	local account = accounts[number]
	table.insert(letters, account.broken and 'u' or
		holds(account, ARGV[i + 1], ARGV[i + 2]) and 'h' or 'o')
end
return { 'done', table.concat(letters) }
