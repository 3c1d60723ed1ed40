-- Prefixes and texts in turn, and the same of when they were revoked.

return { redis.call('HGETALL', prefix .. 'keys'), redis.call('HGETALL', prefix .. 'keys-revoked') }
