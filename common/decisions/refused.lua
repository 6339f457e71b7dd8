-- A mailbox has refused the notice that access is off: it is to be tried again (D5).
--
-- KEYS[3] is the partition's outbox, KEYS[4] its index of accounts by when a refused notice is
-- tried again. ARGV: format, the id of the notice's entry, the status that it was refused with ('-'
-- for none). Whoever asks has proof that it was refused. Answers with waits, how often it was
-- refused and when it is tried again; known; or over, where nobody needs to be told any more.
--
-- There is one such notice to an account, of its last switch-off, and it isn't in the outbox while
-- it waits: again.lua puts it back there. What is known of it, and whether it is still wanted,
-- is in the account's hash: access that is switched on, or off for another reason, ends it.

if not is_stamped() then
	return not_stamped()
end

local STREAM, WAITING = KEYS[3], KEYS[4]
local id, status = ARGV[2], ARGV[3]
local FIRST, LONGEST = 10 * 60 * 1000, 6 * 3600 * 1000 -- until the next try: twice as long each
local KEPT = 30 * 24 * 3600 * 1000 -- since the switch-off
local now = clock()
local access, since, refused =
	unpack(redis.call('HMGET', ACCOUNT, 'access', 'since', 'refused'))
local born, place = string.match(id, '^(%d+)-(%d+)$')
born, place, since = tonumber(born), tonumber(place), tonumber(since)

-- A notice is no older than the switch-off that it is about.
if access ~= 'disabled' or not since or born < since or now - since > KEPT then
	return { 'over' }
end

local last_born, last_place, tries = string.match(refused or '', '^(%d+)-(%d+) (%d+) ')
tries = tonumber(tries) or 0
-- A mail system may say so more than once, and say so late.
if tries > 0 and (born < tonumber(last_born) or
	born == tonumber(last_born) and place <= tonumber(last_place)) then
	return { 'known' }
end

local next_try = now + math.min(FIRST * 2 ^ tries, LONGEST)
tries = tries + 1
redis.call('HSET', ACCOUNT, 'refused', table.concat({ id, digits(tries), status }, ' '))
redis.call('ZADD', WAITING, digits(next_try), account_name())
-- A worker that has not said yet that it has sent it, or died before, has nothing to do any more.
redis.call('XACK', STREAM, 'notices', id)
return { 'waits', digits(tries), digits(next_try) }
