-- Names of accounts whose time, as an index has it, is not after a given one: a time of use (D2),
-- or an expiry (A10).
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] the index. ARGV: format, the time, how many
-- of them to pass over, how many to name.

if not is_stamped() then
	return not_stamped()
end
return { 'done',
	redis.call('ZRANGE', KEYS[2], '-inf', ARGV[2], 'BYSCORE', 'LIMIT', ARGV[3], ARGV[4]) }
