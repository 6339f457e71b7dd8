-- Everything about an account, for support.
--
-- ARGV: format. Answers: done, the time, the account's fields and values,
-- the rows of its app passwords, the rows of its history.

if not marked() then
	return unmarked()
end

local fields = redis.call('HGETALL', ACCOUNT)
local facts, used, passwords, history = {}, {}, {}, {}
for i = 1, #fields, 2 do
	local number = string.match(fields[i], '^used:(%d+)$')
	if number then
		used[number] = fields[i + 1]
	elseif string.sub(fields[i], 1, #PASSWORD) ~= PASSWORD then
		table.insert(facts, fields[i])
		table.insert(facts, fields[i + 1])
	end
end
for _, password in ipairs(all_passwords()) do
	local number = digits(password.number)
	-- As text: Redis would cut a number to an integer that it can hold.
	table.insert(passwords, { number, digits(password.created), digits(password.ended),
		digits(password.expires), password.protocols, password.label,
		string.match(used[number] or '', '^(%d+) (%S+) (%S*)$') })
end
for line in string.gmatch(redis.call('GET', HISTORY) or '', '[^\n]+') do
	table.insert(history, { string.match(line, '^(%d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$') })
end
return { 'done', digits(clock()), facts, passwords, history }
