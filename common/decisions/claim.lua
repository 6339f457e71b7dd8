-- Hands out entries of an outbox to a worker, each to one worker at a time (D5).
--
-- KEYS[1] is the format stamp of a partition, KEYS[2] its outbox, and of the entries that wait for
-- the hosts KEYS[3] when each came to be, KEYS[4] when each is looked at next, and KEYS[5] which
-- workers have said that they are through. ARGV: format, the worker's name, its lease in
-- milliseconds, how many entries at most, and the workers, a line each: 'NAME AGE STARTED', how
-- long ago it was heard of and when it began. Answers with id, how often it was handed out, the
-- fields and the hosts whose sessions weren't seen to end, of each; and with 1 if there is more to
-- look at than one call should.
--
-- A worker has an entry for the lease. If it doesn't say in time that it is done, the entry goes to
-- the next worker that asks, after twice the time with each further try. What is done stays for an
-- hour, for the workers that end sessions.
--
-- A switch-off waits until every host has ended the account's sessions (ended.lua), because who is
-- in the mailbox can delete the notice. One that is silent, or can't end them, holds it for two
-- minutes at most. Meanwhile the entry is with nobody: being looked at is no try. It is looked at
-- when a host has said that it is through, and now and then, so the cost doesn't grow with what
-- waits.

if not is_stamped() then
	return not_stamped()
end

local STREAM, HELD, LOOKS, ENDED, GROUP = KEYS[2], KEYS[3], KEYS[4], KEYS[5], 'notices'
local worker, lease, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local DOUBLINGS = 6
local LONGEST = 3600 * 1000
local KEPT = 3600 * 1000
local PAGE = 100
local SILENT = 30 * 1000 -- a worker that was not heard of for longer may be no more
local HOLD = 120 * 1000 -- since the switch-off: nobody is waited for any longer
local STARTING = 30 * 1000 -- but a worker that has just started gets this time to end what it finds
local NO_LONGER = 2 * 3600 * 1000 -- and one that starts over and over holds nothing up for ever
local LOOK = 10 * 1000 -- between two looks at what waits
local now = clock()
local handed, turns = {}, PAGE

if redis.call('EXISTS', STREAM) == 0 then
	redis.call('DEL', HELD, LOOKS, ENDED)
	return { 'done', handed, '0' }
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

-- Milliseconds since 1970; nil for what isn't that.
local function time_of(fields, name)
	return tonumber(string.match(value_of(fields, name) or '', '^%d+$') or '')
end

local function is_event(fields, event)
	return value_of(fields, 'v') == '1' and value_of(fields, 'event') == event
end

-- Adds an entry to the answer, unless nobody has to be told about it. An entry that has been
-- deleted has no fields.
local function hand(id, times, fields, unseen)
	if not fields or is_event(fields, 'end') then
		redis.call('XACK', STREAM, GROUP, id)
	else
		table.insert(handed, { id, digits(times), fields, unseen or '' })
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

-- The workers by their hosts: when each was heard of, and when it began.
local function read_workers()
	local by_host = {}
	for name, age, began in string.gmatch(ARGV[5], '(%S+) (%d+) (%d+)\n') do
		local host = string.match(name, '^(.*):%d+:%d+$') or name
		local one = { name = name, heard = now - age, began = tonumber(began) }
		by_host[host] = by_host[host] or {}
		table.insert(by_host[host], one)
	end
	return by_host
end

-- Who has to end sessions, made when it is first asked for: each worker that is there; and of a
-- host where none is, those that have been, one of which must have said that it is through.
local hosts
local function all_hosts()
	if hosts then
		return hosts
	end
	hosts = {}
	for host, of_host in pairs(read_workers()) do
		local gone, is_here = {}, false
		for _, one in ipairs(of_host) do
			if one.name == worker or one.heard >= now - SILENT then
				is_here = true
				table.insert(hosts,
					{ host = host, names = { one.name }, began = one.began })
			else
				table.insert(gone, one.name)
			end
		end
		if not is_here then
			table.insert(hosts, { host = host, names = gone })
		end
	end
	return hosts
end

-- After a failover the clock may be another one, and what was may be in the future.
local function is_within(time, span)
	return math.abs(now - time) < span
end

local function has_said(id, names)
	for _, name in ipairs(names) do
		if redis.call('ZSCORE', ENDED, id .. ' ' .. name) then
			return true
		end
	end
	return false
end

-- Which hosts' sessions of a switch-off weren't seen to end, and whether to wait for them.
local function ask_hosts(id, time)
	local unseen, named, wait = {}, {}, false
	for _, one in ipairs(all_hosts()) do
		if not has_said(id, one.names) then
			wait = wait or is_within(time, HOLD) or one.began and
				is_within(one.began, STARTING) and is_within(time, NO_LONGER)
			if not named[one.host] then
				table.insert(unseen, one.host)
				named[one.host] = true
			end
		end
	end
	table.sort(unseen)
	return table.concat(unseen, ' '), wait
end

-- When access is switched on again while the notice that it is off waits, the owner is not to read
-- first that it is on and then that it is off. 'off' is when it went off: the entry came to be
-- then.
local function is_behind(fields)
	local off = is_event(fields, 'on') and time_of(fields, 'off')
	if not off then
		return false
	end
	local then_born = redis.call('ZRANGE', HELD, digits(off), digits(off + 100), 'BYSCORE')
	for _, id in ipairs(then_born) do
		local entry = redis.call('XRANGE', STREAM, id, id)[1]
		if entry and is_event(entry[2], 'off') and
			value_of(entry[2], 'account') == value_of(fields, 'account') then
			return true
		end
	end
	return false
end

-- The hosts that weren't seen, and whether the entry has to wait.
local function judge(id, fields)
	if is_event(fields, 'off') then
		return ask_hosts(id, time_of(fields, 'time') or 0)
	end
	return '', is_behind(fields)
end

local function put_off(id, fields)
	local time, again = time_of(fields, 'time') or 0, now + LOOK
	if is_event(fields, 'on') then
		again = now + LOOK / 10
	elseif time + HOLD > now then
		again = math.min(again, time + HOLD)
	end
	redis.call('ZADD', HELD, string.match(id, '^%d+'), id)
	redis.call('ZADD', LOOKS, again, id)
end

local function let_go(id)
	local born = string.match(id, '^%d+')
	redis.call('ZREM', HELD, id)
	redis.call('ZREM', LOOKS, id)
	for _, said in ipairs(redis.call('ZRANGE', ENDED, born, born, 'BYSCORE')) do
		if string.sub(said, 1, #id + 1) == id .. ' ' then
			redis.call('ZREM', ENDED, said)
		end
	end
end

-- What waits, and is due to be looked at.
local function take_held()
	local due = redis.call('ZRANGE', LOOKS, '-inf', digits(now), 'BYSCORE', 'LIMIT', 0, PAGE)
	for _, id in ipairs(due) do
		if #handed >= count then
			return
		end
		turns = turns - 1
		local entry = redis.call('XRANGE', STREAM, id, id)[1]
		local unseen, wait
		if entry then
			unseen, wait = judge(id, entry[2])
		end
		if wait then
			put_off(id, entry[2])
		else
			let_go(id)
		end
		-- One that has been deleted is gone.
		if entry and not wait then
			-- It is handed out for the first time.
			redis.call('XCLAIM', STREAM, GROUP, worker, 0, id, 'RETRYCOUNT', 1, 'FORCE',
				'JUSTID')
			hand(id, 1, entry[2], unseen)
		end
	end
end

local function take_new()
	while #handed < count and turns > 0 do
		local streams = redis.call('XREADGROUP', 'GROUP', GROUP, worker, 'COUNT',
			count - #handed, 'STREAMS', STREAM, '>')
		if not streams or #streams == 0 then
			return
		end
		for _, entry in ipairs(streams[1][2]) do
			local id, fields = entry[1], entry[2]
			local unseen, wait
			if fields then
				unseen, wait = judge(id, fields)
			end
			if wait then
				turns = turns - 1
				redis.call('XACK', STREAM, GROUP, id)
				put_off(id, fields)
			else
				if fields and is_event(fields, 'off') then
					let_go(id)
				end
				hand(id, 1, fields, unseen)
			end
		end
	end
end

-- Forgets workers that no longer exist, and entries that are old and done, up to the first one that
-- isn't.
local function tidy(facts)
	local oldest = now - KEPT
	local needed = redis.call('ZRANGE', HELD, 0, 0)
	table.insert(needed, facts['last-delivered-id'])
	table.insert(needed, redis.call('XPENDING', STREAM, GROUP)[2] or nil)
	for _, id in ipairs(needed) do
		oldest = math.min(oldest, tonumber(string.match(id, '^%d+')))
	end
	oldest = digits(math.max(oldest, 0))
	redis.call('XTRIM', STREAM, 'MINID', oldest)
	redis.call('ZREMRANGEBYSCORE', ENDED, '-inf', '(' .. oldest)
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
take_held()
take_new()
tidy(group())
return { 'done', handed, turns <= 0 and #handed < count and '1' or '0' }
