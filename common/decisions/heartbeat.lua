-- The workers' heartbeats, so that operations see which ones are running.
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] a hash with a field for each worker: 'time
-- started sent trouble'. ARGV: format, the worker's name ('' to ask only), since when it runs (0
-- when it ends), how many notices it has sent, what it has trouble with. Answers with name, age of
-- its last heartbeat in milliseconds, and the rest, for each.

if not is_stamped() then
	return not_stamped()
end

local WORKERS = KEYS[2]
local KEPT = 24 * 3600 * 1000 -- how long a silent worker is still listed
local now, all = clock(), {}

local function host_of(name)
	return string.match(name, '^(.*):%d+:%d+$')
end

-- A worker of the same host that was not heard of since this one began: it crashed.
local function is_replaced(name, time)
	local host = host_of(ARGV[2])
	return host and host_of(name) == host and name ~= ARGV[2] and time < tonumber(ARGV[3])
end

if ARGV[2] ~= '' and ARGV[3] == '0' then
	redis.call('HDEL', WORKERS, ARGV[2])
elseif ARGV[2] ~= '' then
	redis.call('HSET', WORKERS, ARGV[2],
		table.concat({ digits(now), ARGV[3], ARGV[4], ARGV[5] }, ' '))
end
local fields = redis.call('HGETALL', WORKERS)
for i = 1, #fields, 2 do
	local time, started, sent, trouble = string.match(fields[i + 1], '^(%d+) (%d+) (%d+) (.*)$')
	if not time or now - time > KEPT or is_replaced(fields[i], tonumber(time)) then
		redis.call('HDEL', WORKERS, fields[i])
	else
		table.insert(all,
			{ fields[i], digits(math.max(now - time, 0)), started, sent, trouble })
	end
end
return { 'done', all }
