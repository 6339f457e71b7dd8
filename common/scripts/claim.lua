-- Hands out entries of an outbox to a worker, each to one worker at a time (D5).
--
-- KEYS[1] is the mark of a partition, KEYS[2] its outbox. ARGV: format, the worker's name, its
-- lease in milliseconds, how many entries at most. Answers with id, how often it was handed out,
-- and the fields of each.
--
-- A worker has an entry for the lease. If it doesn't say in time that it is done, the entry goes to
-- whoever asks, after twice the time with each further try. What is done stays for an hour,
-- for whoever ends sessions.

if not marked() then
	return unmarked()
end

local STREAM, GROUP = KEYS[2], 'notices'
local worker, lease, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local DOUBLINGS = 6
local LONGEST = 3600 * 1000
local KEPT = 3600 * 1000
local PAGE = 100
local handed = {}

if redis.call('EXISTS', STREAM) == 0 then
	return { 'done', handed }
end

-- The group's facts, by name; nil if there is no such group.
local function group()
	for _, facts in ipairs(redis.call('XINFO', 'GROUPS', STREAM)) do
		local found = {}
		for i = 1, #facts, 2 do
			found[facts[i]] = facts[i + 1]
		end
		if found.name == GROUP then
			return found
		end
	end
end

local function value_of(fields, name)
	for i = 1, #fields, 2 do
		if fields[i] == name then
			return fields[i + 1]
		end
	end
end

-- Adds an entry to the answer, unless nobody has to be told of it. Fields of an entry that has been
-- deleted are none.
local function hand(id, times, fields)
	if not fields or value_of(fields, 'v') == '1' and value_of(fields, 'event') == 'end' then
		redis.call('XACK', STREAM, GROUP, id)
	else
		table.insert(handed, { id, digits(times), fields })
	end
end

local function is_over(idle, times)
	local longest = math.max(LONGEST, lease)
	return idle >= math.min(lease * 2 ^ math.min(times - 1, DOUBLINGS), longest)
end

local function retake()
	local from = '-'
	repeat
		local pending = redis.call('XPENDING', STREAM, GROUP, 'IDLE', digits(lease), from,
			'+', PAGE)
		for _, entry in ipairs(pending) do
			local id, idle, times = entry[1], entry[3], entry[4]
			if #handed < count and is_over(idle, times) then
				local claimed = redis.call('XCLAIM', STREAM, GROUP, worker, 0, id)
				hand(id, times + 1, claimed[1] and claimed[1][2])
			end
			from = '(' .. id
		end
	until #handed >= count or #pending < PAGE
end

local function take_new()
	while #handed < count do
		local streams = redis.call('XREADGROUP', 'GROUP', GROUP, worker, 'COUNT',
			count - #handed, 'STREAMS', STREAM, '>')
		if not streams or #streams == 0 then
			return
		end
		for _, entry in ipairs(streams[1][2]) do
			hand(entry[1], 1, entry[2])
		end
	end
end

-- Forgets workers that are no more, and entries that are old and done, up to the first that isn't.
local function tidy(facts)
	local oldest = clock() - KEPT
	local pending = redis.call('XPENDING', STREAM, GROUP)
	for _, id in ipairs({ facts['last-delivered-id'], pending[2] or nil }) do
		oldest = math.min(oldest, tonumber(string.match(id, '^%d+')))
	end
	redis.call('XTRIM', STREAM, 'MINID', digits(math.max(oldest, 0)))
	if facts.consumers > 1 then
		for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', STREAM, GROUP)) do
			if consumer[4] == 0 and consumer[6] > KEPT and consumer[2] ~= worker then
				redis.call('XGROUP', 'DELCONSUMER', STREAM, GROUP, consumer[2])
			end
		end
	end
end

if not group() then
	redis.call('XGROUP', 'CREATE', STREAM, GROUP, '0')
end
retake()
take_new()
tidy(group())
return { 'done', handed }
