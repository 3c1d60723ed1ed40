local name = key('al', joined(ask.upstream, ask.id))
if redis.call('HGET', name, 'holder') == ask.holder then redis.call('DEL', name) end
return 1
