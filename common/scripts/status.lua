-- Everything about an account, for support.
--
-- KEYS[3] is the history. ARGV: format. Answers: done, the time, the account's fields and values,
-- the rows of its app passwords, the rows of its history.

if not marked() then
	return unmarked()
end

local fields = redis.call('HGETALL', ACCOUNT)
local facts, passwords, history = {}, {}, {}
for i = 1, #fields, 2 do
	if string.sub(fields[i], 1, #PASSWORD) == PASSWORD then
		table.insert(passwords, { read_password(fields[i + 1]) })
	else
		table.insert(facts, fields[i])
		table.insert(facts, fields[i + 1])
	end
end
table.sort(passwords, function(a, b) return a[1] > b[1] end)
for _, row in ipairs(passwords) do
	for i = 1, 3 do
		row[i] = string.format('%.0f', row[i]) -- Redis would cut a number to an integer it can hold
	end
end
for line in string.gmatch(redis.call('GET', KEYS[3]) or '', '[^\n]+') do
	table.insert(history, { string.match(line, '^(%d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$') })
end
return { 'done', string.format('%.0f', clock()), facts, passwords, history }
