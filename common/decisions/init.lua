-- Sets the format stamp of one partition, once.
if redis.call('SET', STAMP, ARGV[1], 'NX') then
	return { 'marked' }
end
return { is_stamped() and 'was' or 'foreign' }
