-- May this login send? Exact windows, charged at once (S1 to S7).
--
-- KEYS[6] is the log of what the account sent, KEYS[7] the partition's names by their references in
-- traces. ARGV: format, stage (mail, message or count), id of the message (5
-- bytes), number of recipients, the account's name and its reference for traces ('' if it needs
-- none), the tiers (see read_tier), when the connection began (by Redis's clock, and not later than
-- it really was), and whether the message has a sender (0 or 1): without one it is taken for an
-- automatic receipt.
--
-- The log is one string of entries, oldest first: time in milliseconds, the message's id, the
-- running total of all charges up to and with this one, and its own charge. The totals make the
-- sum over a part of the log a subtraction, so a decision reads a few entries, whatever the limits.
-- The last bit of an id marks a receipt.

if not is_stamped() then
	return not_stamped()
end

local MINUTE, HOUR = 60000, 3600000
local ENTRY, ENTRY_SIZE = '>I6c5I3I2', 16
local TOTAL_WRAPS = 16777216
local LONG_LOG = 100 -- entries
local LOOKED_AT = 1000 -- entries, where each of them has to be
local CLOCK_MAX = 10 * 365 * 24 * HOUR -- how far ahead a wrong clock may be

local LOG, NAMES = KEYS[6], KEYS[7]
local stage, id, recipients = ARGV[2], ARGV[3], tonumber(ARGV[4])
local name, reference = ARGV[5], ARGV[6]
local is_receipt = ARGV[9] ~= '1'

local function least_limit(a, b)
	if a == 0 or b == 0 then
		return a + b
	end
	return math.min(a, b)
end

local access, reason, tier, held, held_until, sending, since, revoked, expires = unpack(redis.call(
	'HMGET', ACCOUNT, 'access', 'reason', 'tier', 'held_tier', 'held_until', 'sending', 'since',
	'revoked', 'expires'))
local time = clock()
local PATTERN = '^\n(%S+) (%S+) (%d+) (%d+) (%d+) (%d)'
local tier_name, counted, a_minute, an_hour, a_message, has_smtp =
	read_tier(tier, ARGV[7], PATTERN)
if held and time < tonumber(held_until) then
	-- Limits are held, and not protocols.
	local _
	_, counted, a_minute, an_hour, a_message = read_tier(held, ARGV[7], PATTERN) -- S5
end
local each_recipient = counted == 'recipients'
a_minute, an_hour, a_message = tonumber(a_minute), tonumber(an_hour), tonumber(a_message)
local limited = a_minute > 0 or an_hour > 0
local longest = an_hour > 0 and HOUR or MINUTE -- the longest window that is limited

-- A message that costs more than a whole window holds could never be sent by waiting.
local allowed = a_message
if each_recipient then
	allowed = least_limit(allowed, least_limit(a_minute, an_hour))
end
local cost = each_recipient and math.max(recipients, 1) or 1

-- What needs no log is decided before it is read, and before the functions below are made, which
-- takes as long as a command.
if stage ~= 'count' then
	if access ~= 'enabled' then
		return { 'off', reason or 'never-enabled' } -- A1, S6
	end
	if has_smtp ~= '1' then
		return { 'protocol', tier_name } -- A8
	end
	if expires and tonumber(expires) <= time then
		changes().expire(time)
		revoked = redis.call('HGET', ACCOUNT, 'revoked')
	end
	-- A connection outlives the app password that opened it (A3): one that began before access
	-- was switched on, or an app password ended, may be such a one. In the same millisecond it
	-- is.
	local began, ended = tonumber(ARGV[8]), math.max(tonumber(since), tonumber(revoked or 0))
	if ended > time then
		-- Noted by a clock that was wrong: from now on it is as if it had been now.
		redis.call('HSET', ACCOUNT, 'since', digits(math.min(tonumber(since), time)),
			'revoked', digits(time))
	end
	if began <= ended or began > time + 1 then
		return { 'log-in-again' } -- A3
	end
	if sending == 'blocked' then
		return { 'blocked' } -- S6
	end
	if stage == 'message' and allowed > 0 and recipients > allowed then
		return { 'too-many-recipients', allowed } -- S4
	end
	if stage == 'message' and reference ~= '' then
		redis.call('HSETNX', NAMES, reference, name) -- B1
	end
	if not limited then
		return { 'allow', allowed }
	end
end

local log, entries, newest_total = '', 0, 0

-- Time, id, running total and charge of the entry at a place, from 0.
local function entry(place)
	return struct.unpack(ENTRY, log, place * ENTRY_SIZE + 1)
end

local function read_log()
	log = redis.call('GET', LOG) or ''
	entries = #log / ENTRY_SIZE
	if entries > 0 then
		local newest, _, total = entry(entries - 1)
		newest_total = total
		-- Written by a clock that was wrong: it would hold up all messages until it is
		-- right again. (What is not a time at all comes from no clock, and does hold them
		-- up.)
		if newest - time > HOUR and newest - time < CLOCK_MAX then
			log, entries, newest_total = '', 0, 0
		end
	end
end

-- What was charged by the entry at place and all newer ones.
local function charged_from(place)
	local _, _, total, charge = entry(place)
	return (newest_total - total) % TOTAL_WRAPS + charge
end

-- The newest entry that has to leave the window before the charge fits under the limit; nil if the
-- whole log leaves room for it.
local function blocker(limit, charge)
	local room = limit - charge
	-- An entry charges at least 1. So this one is too much with those that follow, if it
	-- exists.
	local low, high = entries - 1 - room, entries - 1
	if low < 0 then
		low = 0
	end
	local charged = charged_from(low)
	if charged <= room then
		return nil
	end
	if charged == room + 1 then
		return low -- the usual case, as each entry charges 1
	end
	while low < high do
		local middle = math.ceil((low + high) / 2)
		if charged_from(middle) > room then
			low = middle
		else
			high = middle - 1
		end
	end
	return low
end

-- Milliseconds until the charge fits under the limit; 0 or less if it does now.
local function wait_for(charge, limit, window)
	local place = limit > 0 and entries > 0 and blocker(limit, charge)
	return place and entry(place) + window - time or 0
end

-- What receipts were charged within the hour; of a long log only the newest are looked at.
local function charged_for_receipts()
	local sum = 0
	for place = entries - 1, math.max(entries - LOOKED_AT, 0), -1 do
		local at, which, _, charge = entry(place)
		if at + HOUR <= time then
			break
		end
		sum = sum + (string.byte(which, -1) % 2 == 1 and charge or 0)
	end
	return sum
end

local function charged_within(window)
	local sum = 0
	for place = entries - 1, 0, -1 do
		local at, _, _, charge = entry(place)
		if at + window <= time then
			break
		end
		sum = sum + charge
	end
	return sum
end

-- True if the message was charged within the horizon: a queue id may come again some day.
local function holds_message(horizon)
	local at = string.find(log, id, 1, true)
	while at do
		local place = (at - 7) / ENTRY_SIZE
		if place % 1 == 0 and entry(place) + horizon > time then
			return true
		end
		at = string.find(log, id, at + 1, true)
	end
	return false
end

-- Appends the charge, and drops what is older than the horizon: from a long log only when that is
-- half of it, because what is written here also goes to Redis's disk and replicas.
local function append(charge, horizon)
	local newest = time
	if entries > 0 then
		newest = math.max(time, (entry(entries - 1)))
	end
	local new = struct.pack(ENTRY, newest, id, (newest_total + charge) % TOTAL_WRAPS, charge)
	if entries > LONG_LOG and entry(math.floor(entries / 2)) + horizon > time then
		redis.call('APPEND', LOG, new)
		redis.call('PEXPIRE', LOG, horizon)
		return
	end
	local oldest = 0
	while oldest < entries and entry(oldest) + horizon <= time do
		oldest = oldest + 1
	end
	redis.call('SET', LOG, string.sub(log, oldest * ENTRY_SIZE + 1) .. new, 'PX', horizon)
end

if limited then
	read_log()
end
if stage == 'count' then
	return { 'count', charged_within(MINUTE), charged_within(HOUR) }
end
if stage == 'message' then
	local last = string.byte(id, -1)
	id = string.sub(id, 1, -2) .. string.char(last - last % 2 + (is_receipt and 1 or 0))
	if holds_message(longest) then
		return { 'allow', allowed }
	end
end
local wait = wait_for(cost, a_minute, MINUTE)
if wait > 0 then
	return { 'defer', math.ceil(wait / 1000), a_minute, counted, 'minute' } -- S1
end
wait = wait_for(cost, an_hour, HOUR)
if wait > 0 then
	-- Whoever mails the owner can make a mail program answer. That switches nothing off:
	-- neither the receipt that is too many, nor the owner's own message after those that were
	-- not (S2).
	if is_receipt then
		return { 'receipt', an_hour, counted } -- S2
	end
	if wait_for(cost, an_hour + charged_for_receipts(), HOUR) <= 0 then
		return { 'defer', math.ceil(wait / 1000), an_hour, counted, 'hour' } -- S2
	end
	changes().switch_off(time, 'send-limit', 'postern', '') -- S2
	return { 'limit', an_hour, counted }
end
if stage == 'message' then
	append(cost, longest) -- S3, S7
end
return { 'allow', allowed }
