-- @returns 0 when there is none

local text = redis.call('HGET', prefix .. 'keys', ask.prefix)
if not text then return 0 end
local name = cjson.decode(text).name
if redis.call('HGET', prefix .. 'key-names', name) == ask.prefix then redis.call('HDEL', prefix .. 'key-names', name) end
redis.call('HDEL', prefix .. 'keys', ask.prefix)
redis.call('HDEL', prefix .. 'keys-revoked', ask.prefix)
raise('keys-revision')
return 1
