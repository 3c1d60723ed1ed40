-- Writes an account whole. @returns its new revision; 0 when somebody else was faster

local name = key('a', ask.upstream)
local text = redis.call('HGET', name, ask.id)
local before = text and cjson.decode(text) or { revision = 0 }
if ask.expected and before.revision ~= ask.expected then return 0 end
local revision = raise('accounts-revision')
redis.call('HSET', name, ask.id, cjson.encode({
  alias = ask.alias, sealed = ask.sealed, state = ask.state, revision = revision,
  created = before.created or now, order = before.order or redis.call('INCR', prefix .. 'sequence'),
}))
redis.call('SADD', prefix .. 'upstreams', ask.upstream)
return revision
