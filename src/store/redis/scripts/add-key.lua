-- @returns 0 when a key that has not been revoked has this name, or any key this prefix

if redis.call('HEXISTS', prefix .. 'keys', ask.prefix) == 1 then return 0 end
if redis.call('HEXISTS', prefix .. 'key-names', ask.name) == 1 then return 0 end
redis.call('HSET', prefix .. 'keys', ask.prefix, ARGV[3])
redis.call('HSET', prefix .. 'key-names', ask.name, ask.prefix)
raise('keys-revision')
return 1
