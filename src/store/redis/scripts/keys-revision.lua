return redis.call('GET', prefix .. 'keys-revision') or '0'
