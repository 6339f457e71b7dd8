-- Everything about an account, for support.
--
-- KEYS[6] is the log of wrong passwords, KEYS[7] the index of notices that were refused. ARGV:
-- format. Answers: done, the time, the account's fields and values (and those of who changed access
-- last: by and from; and when a refused notice is tried again), the rows of its app passwords, the
-- rows of its history, those of the networks that were shut out, newest first (network and time),
-- how many attempts to break in there were, and how many times as many networks as the first the
-- next one takes.

if not is_stamped() then
	return not_stamped()
end

local change = changes()
local fields = redis.call('HGETALL', ACCOUNT)
local facts, used, labels, passwords, history = {}, {}, {}, {}, {}

-- Notes a use of an app password, if it is the newest so far.
local function note_use(number, time, protocol, address)
	if number and (not used[number] or tonumber(time) > tonumber(used[number][1])) then
		used[number] = { time, protocol, address }
	end
end

for i = 1, #fields, 2 do
	local name, value = fields[i], fields[i + 1]
	if string.sub(name, 1, 5) == 'used:' then
		note_use(string.sub(name, 6), string.match(value, '^(%d+) (%S+) (%S*)$'))
	elseif string.sub(name, 1, 6) == 'label:' then
		labels[string.sub(name, 7)] = value
	elseif string.sub(name, 1, #PASSWORD) ~= PASSWORD and name ~= 'logins' and
		name ~= 'nets' and name ~= 'break_ins' then
		table.insert(facts, name)
		table.insert(facts, value)
	end
	if string.sub(name, 1, 5) == 'seen:' then
		local time, address, number = string.match(value, '^(%d+) (%S*) %S* (%d+)$')
		note_use(number, time, string.sub(name, 6), address)
	end
end
for _, password in ipairs(change.all_passwords()) do
	local number = digits(password.number)
	-- As text: Redis would cut a number to an integer that it can hold.
	table.insert(passwords, { number, digits(password.created), digits(password.ended),
		digits(password.expires), password.protocols, labels[number] or '',
		unpack(used[number] or {}) })
end
local known
for line in string.gmatch(redis.call('GET', HISTORY) or '', '[^\n]+') do
	local row = {
		string.match(line, '^(%x+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t?([^\t]*)$') }
	row[6] = row[6] ~= '' and row[6] or nil -- no evidence
	row[1] = digits(tonumber(row[1] or '', 16) * 1000)
	table.insert(history, row)
	if not known and (row[2] == 'on' or row[2] == 'off') then
		known = true
		for at, name in ipairs({ 'by', 'from' }) do
			table.insert(facts, name)
			table.insert(facts, row[3 + at])
		end
	end
end
local again = redis.call('ZSCORE', KEYS[7], account_name())
if again then
	table.insert(facts, 'again')
	table.insert(facts, digits(again))
end
local shut_outs, rows = change.read_guesses(), {}
for at = #shut_outs - 9, 1, -10 do
	table.insert(rows, { change.network_text(string.sub(shut_outs, at, at + 5)),
		digits(struct.unpack('>I4', shut_outs, at + 6) * 1000) })
end
local time = clock()
return { 'done', digits(time), facts, passwords, history, rows, change.break_ins(time) }
