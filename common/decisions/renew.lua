-- A worker needs an entry of the outbox for longer: its lease starts again (D5).
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] its outbox. ARGV: format, the worker's name,
-- the entry's id. Answers with done, or lost if the worker doesn't have the entry any more.

if not is_stamped() then
	return not_stamped()
end

local pending = redis.pcall('XPENDING', KEYS[2], 'notices', ARGV[3], ARGV[3], 1)
if pending.err or #pending == 0 or pending[1][2] ~= ARGV[2] then
	return { 'lost' }
end
-- JUSTID: this doesn't count as another try.
redis.call('XCLAIM', KEYS[2], 'notices', ARGV[2], 0, ARGV[3], 'JUSTID')
return { 'done' }
