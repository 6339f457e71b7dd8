-- What a list shows of some accounts of one partition.
--
-- KEYS after the format stamp are the accounts. ARGV: format. Answers for each, in their order,
-- with 'found' and its values, 'gone', or 'broken' if it is not a hash.

if not is_stamped() then
	return not_stamped()
end

local rows = {}
for i = 2, #KEYS do
	local row = redis.pcall('HMGET', KEYS[i], 'access', 'reason', 'since', 'tier', 'activity',
		'sending', 'language', 'seen:pop3', 'seen:imap', 'seen:smtp')
	if row.err then
		row = { 'broken' }
	elseif redis.call('EXISTS', KEYS[i]) == 0 then
		row = { 'gone' }
	else
		table.insert(row, 1, 'found')
	end
	table.insert(rows, row)
end
return { 'done', rows }
