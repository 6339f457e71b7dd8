-- Everything that is kept about some accounts of one partition, but for what is about connections
-- and sessions that are open now: import.lua begins that again.
--
-- KEYS after the format stamp are each account and its history. ARGV: format. Answers for each
-- account with 'found', its fields and values and its history; with 'gone'; or with 'broken' if a
-- key is something else.

if not is_stamped() then
	return not_stamped()
end

local left = { revoked = true, expires = true, unseen = true, refused = true }

local function carried(fields)
	local rest = {}
	for i = 1, #fields, 2 do
		if not left[fields[i]] then
			table.insert(rest, fields[i])
			table.insert(rest, fields[i + 1])
		end
	end
	return rest
end

local rows = {}
for i = 2, #KEYS, 2 do
	local fields = redis.pcall('HGETALL', KEYS[i])
	local history = redis.pcall('GET', KEYS[i + 1]) or ''
	if fields.err or type(history) ~= 'string' then
		table.insert(rows, { 'broken' })
	elseif #fields == 0 and history == '' then
		table.insert(rows, { 'gone' })
	else
		table.insert(rows, { 'found', carried(fields), history })
	end
end
return { 'done', rows }
