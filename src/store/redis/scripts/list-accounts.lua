-- The accounts of an upstream: ids and their texts in turn.

return redis.call('HGETALL', key('a', ask.upstream))
