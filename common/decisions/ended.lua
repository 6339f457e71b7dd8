-- A worker has ended all sessions of a switch-off on its host: the owner can be told as far as that
-- host is concerned (D5).
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] its outbox, and of the notices that wait for
-- the hosts KEYS[3] when each came to be, KEYS[4] when each is looked at next, and KEYS[5] which
-- workers have said that they are through: see claim.lua. ARGV: format, the worker's name, the
-- entry's id.

if not is_stamped() then
	return not_stamped()
end

local STREAM, HELD, LOOKS, ENDED = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local worker, id = ARGV[2], ARGV[3]
local born, place = string.match(id, '^(%d+)-(%d+)$')

-- Nobody has taken the entry yet, so the notice may come to wait.
local function is_new()
	if redis.call('EXISTS', STREAM) == 0 then
		return false
	end
	for _, facts in ipairs(redis.call('XINFO', 'GROUPS', STREAM)) do
		local found = {}
		for i = 1, #facts, 2 do
			found[facts[i]] = facts[i + 1]
		end
		if found.name == 'notices' then
			local last, last_place =
				string.match(found['last-delivered-id'], '^(%d+)-(%d+)$')
			last, last_place = tonumber(last), tonumber(last_place)
			return tonumber(born) > last or
				tonumber(born) == last and tonumber(place) > last_place
		end
	end
	return true
end

local is_held = redis.call('ZSCORE', HELD, id)
if not is_held and not is_new() then
	return { 'unchanged' }
end
redis.call('ZADD', ENDED, born, id .. ' ' .. worker)
if is_held then
	redis.call('ZADD', LOOKS, 'XX', clock(), id)
end
return { 'done' }
