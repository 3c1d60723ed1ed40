-- The client of a turn has left: whoever continues the same at once waits until its chat is free.

local name = key('l', chatName(ask.upstream, ask.account, ask.chat))
if redis.call('HGET', name, 'claim') == ask.claim then redis.call('HSET', name, 'leaving', '1') end
return 1
