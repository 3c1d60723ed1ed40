-- @returns 0 when there is none, or it was revoked before

local text = redis.call('HGET', prefix .. 'keys', ask.prefix)
if not text or redis.call('HEXISTS', prefix .. 'keys-revoked', ask.prefix) == 1 then return 0 end
redis.call('HDEL', prefix .. 'key-names', cjson.decode(text).name)
redis.call('HSET', prefix .. 'keys-revoked', ask.prefix, whole(now))
raise('keys-revision')
return 1
