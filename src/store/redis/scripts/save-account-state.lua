-- Keeps what is sealed, and makes an account that holds nothing else.

local name = key('a', ask.upstream)
local text = redis.call('HGET', name, ask.id)
local account = text and cjson.decode(text)
  or { alias = '', revision = 0, created = now, order = redis.call('INCR', prefix .. 'sequence') }
account.state = ask.state
redis.call('HSET', name, ask.id, cjson.encode(account))
redis.call('SADD', prefix .. 'upstreams', ask.upstream)
return 1
