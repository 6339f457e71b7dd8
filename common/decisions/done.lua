-- A worker is done with an entry of the outbox: nobody gets it again (D5).
--
-- KEYS[3] is the partition's outbox. ARGV: format, the entry's id, and of a switch-off its time and
-- the hosts whose sessions weren't seen to end ('' for none), which support is to know of.

if not is_stamped() then
	return not_stamped()
end

local STREAM, id, time, hosts = KEYS[3], ARGV[2], ARGV[3], ARGV[4]

-- As many of the hosts as fit into 64 bytes: a longer value would make the account's hash dearer.
local function shorten()
	local text, left = '', 0
	for host in string.gmatch(hosts, '%S+') do
		if left == 0 and #text + #host < 59 then
			text = text == '' and host or text .. ' ' .. host
		else
			left = left + 1
		end
	end
	return left == 0 and text or text .. ' +' .. left
end

local was_open = redis.call('EXISTS', STREAM) == 1 and
	redis.call('XACK', STREAM, 'notices', id) == 1
if hosts ~= '' then
	local access, since = unpack(redis.call('HMGET', ACCOUNT, 'access', 'since'))
	-- Not if access has changed since.
	if access == 'disabled' and since == time then
		redis.call('HSET', ACCOUNT, 'unseen', shorten())
	end
end
return { was_open and 'done' or 'unchanged' }
