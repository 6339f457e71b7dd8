-- Sets the mark of one partition, once.
if redis.call('SET', MARK, ARGV[1], 'NX') then
	return { 'marked' }
end
return { marked() and 'was' or 'foreign' }
