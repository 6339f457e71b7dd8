-- Counts genuine failures to deliver what an account sent, and switches access off, reason
-- compromised, when they are too many (B2, B3).
--
-- KEYS[6] is the log of failures. ARGV: format and the tiers' rows; then the message's name, when
-- it was sent (seconds since 1970), how many recipients it had (255 means that many or more), the
-- site that reports ('-' our own queue, '@' one of our own hosts, else 8 hexadecimal digits of a
-- network), and the failed recipients, a line each: 'recipient weight status domain', the recipient
-- in 12 hexadecimal digits, '-' for a status or a domain that isn't known. Without a message it
-- only says what the log holds, for support.
--
-- The log is a string of lines, oldest first, one for each failure that counts: 'time message
-- recipient site weight status domain', the time in milliseconds and in hexadecimal digits, a site
-- of our own hosts as @DOMAIN. It is kept for as long as a message can be bounced: 7 days.

if not is_stamped() then
	return not_stamped()
end

local DAY = 24 * 3600 * 1000
local KEPT = 7 * DAY
local LINES = 1000 -- at most, the newest ones
local LISTED = 100 -- for support
local LINE = '^(%x+) (%x+) (%x+) (%S+) (%d) (%S+) (%S+)$'
local ROW = '^(%x+) (%d) (%S+) (%S+)$'
local OWN_QUEUE = '-'
-- What doesn't need a report of our own queue could be made up by anyone who has got hold of one
-- message.
local MESSAGES, DOMAINS = 3, 3

local LOG = KEYS[6]
local message, sent, recipients, reporter = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local time = clock()

local access, reason, since, tier =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'reason', 'since', 'tier'))
local threshold, window = read_tier(tier, ARGV[2], '^\n%S+ (%d+) (%d+)')
threshold, window = tonumber(threshold), tonumber(window)

-- When access was last switched on. While it is off the history says so; if that is forgotten, it
-- was before all that isn't.
local function last_on()
	if access == 'enabled' then
		return tonumber(since)
	end
	local on = 0
	for line in string.gmatch(redis.call('GET', HISTORY) or '', '[^\n]+') do
		local seconds, what = string.match(line, '^(%x+)\t(%S+)')
		on = tonumber(seconds or '', 16) * 1000
		if what == 'on' then
			break
		end
	end
	return on
end

local began = last_on()

-- What is decided before the log is read.
local function verdict()
	-- A spam run meets these two limits before its bounces come back.
	local goes_on = access == 'enabled' or reason == 'send-limit' or
		reason == 'connection-limit'
	if not goes_on then
		return { 'off', reason or 'never-enabled' }
	end
	if threshold == 0 then
		return { 'unlimited' }
	end
	-- The message knows whole seconds only.
	local too_new, too_old = sent * 1000 > time + DAY, sent * 1000 + KEPT <= time
	if too_new or too_old or sent < math.floor(began / 1000) then
		return { 'old' } -- B2
	end
end

local function read_log()
	local entries = {}
	for line in string.gmatch(redis.call('GET', LOG) or '', '[^\n]+') do
		local at, which, recipient, site, weight, status, domain = string.match(line, LINE)
		at = at and tonumber(at, 16)
		-- One of the future was written by a clock that was wrong.
		if at and at + KEPT > time and at < time + DAY then
			table.insert(entries, { text = line, at = at, message = which,
				recipient = recipient, site = site, weight = tonumber(weight),
				status = status, domain = domain })
		end
	end
	return entries
end

-- Within the window, and of the time since access was switched on: what was before it is kept so
-- that it doesn't count again, and for support.
local function is_recent(entry)
	return entry.at + window > time and entry.at >= began
end

local function kind_of(site)
	if site == OWN_QUEUE then
		return 'queue'
	end
	return string.sub(site, 1, 1) == '@' and 'inside' or 'networks'
end

-- The failures within the window: their number and weight, the messages and domains, and how many
-- of them our own queue, our own hosts and others' networks reported.
local function sum_up(entries)
	local sum = { count = 0, score = 0, messages = 0, domains = {}, statuses = {},
		queue = 0, inside = 0, networks = 0 }
	local messages, place = {}, { domains = {}, statuses = {} }

	local function count(list, name)
		local found = place[list][name]
		if name == '-' then
			return
		elseif found then
			found.count = found.count + 1
		else
			place[list][name] = { name = name, count = 1 }
			table.insert(sum[list], place[list][name])
		end
	end

	for _, entry in ipairs(entries) do
		if is_recent(entry) then
			sum.oldest = sum.oldest or entry.at
			sum.count = sum.count + 1
			sum.score = sum.score + entry.weight
			sum.messages = sum.messages + (messages[entry.message] and 0 or 1)
			messages[entry.message] = true
			local who = kind_of(entry.site)
			sum[who] = sum[who] + 1
			count('domains', entry.domain)
			count('statuses', entry.status)
		end
	end
	return sum
end

-- Who reports, as the log has it: our own hosts speak for the domain that failed.
local function site_of(domain)
	return reporter == '@' and '@' .. domain or reporter
end

-- Adds the failures that count to the entries; how many these are. Each recipient of a message
-- counts once, whoever reports it, and no more of them than it had. A site that isn't our own queue
-- counts once within the window: nobody but us saw its messages fail.
local function add_new(entries)
	local seen, sites, of_message, new = {}, {}, 0, 0
	for _, entry in ipairs(entries) do
		if entry.message == message then
			seen[entry.recipient] = true
			of_message = of_message + 1
		end
		if is_recent(entry) then
			sites[entry.site] = true
		end
	end
	local function add(recipient, weight, status, domain)
		local site = site_of(domain)
		if seen[recipient] or of_message >= recipients or
			site ~= OWN_QUEUE and sites[site] then
			return
		end
		seen[recipient], sites[site] = true, true
		of_message, new = of_message + 1, new + 1
		local text = table.concat({ string.format('%x', time), message, recipient, site,
			weight, status, domain }, ' ')
		table.insert(entries, { text = text, at = time, message = message,
			recipient = recipient, site = site, weight = tonumber(weight),
			status = status, domain = domain })
	end
	-- Those that weigh more first: of a site it is the first that counts.
	for _, wanted in ipairs({ '2', '1' }) do
		for row in string.gmatch(ARGV[7], '[^\n]+') do
			local recipient, weight, status, domain = string.match(row, ROW)
			if weight == wanted then
				add(recipient, weight, status, domain)
			end
		end
	end
	return new
end

local function keep(entries)
	local lines = {}
	for place = math.max(#entries - LINES, 0) + 1, #entries do
		table.insert(lines, entries[place].text)
	end
	redis.call('SET', LOG, table.concat(lines, '\n'), 'PX', digits(KEPT))
end

local function is_enough(sum)
	return sum.score >= threshold and
		(sum.queue > 0 or sum.messages >= MESSAGES and #sum.domains >= DOMAINS)
end

-- The most frequent names, as many as fit into size bytes.
local function most_frequent(list, size)
	local names = {}
	table.sort(list, function(a, b)
		return a.count > b.count or a.count == b.count and a.name < b.name
	end)
	for place = 1, math.min(#list, 3) do
		size = size - #list[place].name - 2
		if size >= 0 then
			table.insert(names, list[place].name)
		end
	end
	return table.concat(names, ', ')
end

local function reporters(sum)
	local names = {}
	for _, kind in ipairs({ { 'own-queue', sum.queue }, { 'own-host', sum.inside },
		{ 'remote', sum.networks } }) do
		if kind[2] > 0 then
			table.insert(names, kind[1] .. ' ' .. digits(kind[2]))
		end
	end
	return table.concat(names, ', ')
end

-- One line of ASCII for the history, of at most 160 bytes and without the semicolon that
-- separates the entries of one.
local function evidence(sum, change)
	local function number(count, name)
		return digits(count) .. ' ' .. name .. (count == 1 and '' or 's')
	end
	local text = number(sum.count, 'failure') .. ' (score ' .. digits(sum.score) .. ') of ' ..
		number(sum.messages, 'message') .. ' to ' .. number(#sum.domains, 'domain') ..
		' in ' .. change.duration(math.max(time - sum.oldest, 0)) ..
		', by ' .. reporters(sum)
	local statuses = most_frequent(sum.statuses, 36)
	statuses = statuses ~= '' and ' (' .. statuses .. ')' or ''
	local domains = most_frequent(sum.domains, 160 - #text - #statuses)
	return text .. (domains ~= '' and ': ' .. domains or '') .. statuses
end

if not message then
	local entries, rows = read_log(), {}
	for place = #entries, math.max(#entries - LISTED, 0) + 1, -1 do
		local entry = entries[place]
		table.insert(rows,
			{ digits(entry.at), entry.site, entry.weight, entry.status, entry.domain })
	end
	return { 'list', sum_up(entries).score, rows }
end

local decided = verdict()
if decided then
	return decided
end
local entries = read_log()
local new = add_new(entries)
if new > 0 then
	keep(entries)
end
local sum = sum_up(entries)
if new > 0 and is_enough(sum) then
	local change = changes()
	change.switch_off(time, 'compromised', 'postern', '', evidence(sum, change)) -- B3
	return { 'compromised', new, sum.score, threshold }
end
return { new > 0 and 'counted' or 'known', new, sum.score, threshold } -- B2
