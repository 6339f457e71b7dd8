-- Looks at one account that the index says has an app password that expires about now (A10).
--
-- KEYS[6] is the index of expiries. ARGV: format. Answers whether what was opened with one has to
-- end.

if not is_stamped() then
	return not_stamped()
end

if redis.call('HGET', ACCOUNT, 'access') ~= 'enabled' then
	redis.call('ZREM', KEYS[6], account_name())
	return { 'none' }
end
return { changes().expire(clock(), KEYS[6]) and 'expired' or 'none' }
