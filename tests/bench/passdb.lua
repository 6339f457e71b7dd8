-- What a site writes today when its app passwords stand in Redis: the account's hash is fetched
-- with Debian's lua-redis, and Dovecot compares the SHA-256 digest in it. It decides nothing more.
--
-- @SOCKET@ is put in by tests/bench/run. lua-redis is pure Lua; Debian's stops at Lua 5.3, and
-- Dovecot's Lua is 5.4.
package.path = package.path .. ';/usr/share/lua/5.3/?.lua'

local redis = require('redis')
local client

function auth_passdb_lookup(request)
	client = client or redis.connect('unix://@SOCKET@')
	local account = client:hgetall('bench:account:' .. request.user)
	if not account.password then
		return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, 'no such account'
	end
	if account.access ~= 'enabled' then
		return dovecot.auth.PASSDB_RESULT_USER_DISABLED, 'access is off'
	end
	return dovecot.auth.PASSDB_RESULT_OK, { password = account.password }
end
