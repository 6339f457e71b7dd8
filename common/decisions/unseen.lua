-- The hosts on which sessions weren't seen to end before the owner was told that access is off
-- (D5): what operations want to know of them.
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] a hash with a field for each host: 'count
-- first last'. ARGV: format, and the hosts to note a switch-off for, if any. Answers with host, how
-- many switch-offs there were, and the times of the first and the last, for each. Who has done
-- better for a day is forgotten.

if not is_stamped() then
	return not_stamped()
end

local HOSTS = KEYS[2]
local KEPT = 24 * 3600 * 1000
local now, all = clock(), {}

for at = 2, #ARGV do
	local before = redis.call('HGET', HOSTS, ARGV[at]) or ''
	local count, first = string.match(before, '^(%d+) (%d+) %d+$')
	redis.call('HSET', HOSTS, ARGV[at], table.concat({ digits((count or 0) + 1),
		first or digits(now), digits(now) }, ' '))
end
local fields = redis.call('HGETALL', HOSTS)
for i = 1, #fields, 2 do
	local count, first, last = string.match(fields[i + 1], '^(%d+) (%d+) (%d+)$')
	if not last or now - last > KEPT then
		redis.call('HDEL', HOSTS, fields[i])
	else
		table.insert(all, { fields[i], count, first, last })
	end
end
return { 'done', all }
