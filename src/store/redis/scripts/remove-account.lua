-- @returns 0 when there is none

redis.call('DEL', key('al', joined(ask.upstream, ask.id)))
return redis.call('HDEL', key('a', ask.upstream), ask.id)
