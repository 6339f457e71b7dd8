-- A worker is done with an entry of the outbox: nobody gets it again (D5).
--
-- KEYS[1] is the mark of a partition, KEYS[2] its outbox. ARGV: format, the entry's id.

if not marked() then
	return unmarked()
end

local was_open = redis.call('EXISTS', KEYS[2]) == 1 and
	redis.call('XACK', KEYS[2], 'notices', ARGV[2]) == 1
return { was_open and 'done' or 'unchanged' }
