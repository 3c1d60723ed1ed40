-- What the turns of a conversation said, oldest first.

return redis.call('LRANGE', key('m', ask.conversation), 0, -1)
