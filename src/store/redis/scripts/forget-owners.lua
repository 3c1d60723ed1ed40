-- Owners that are known to be dead, or that take leave: their chats are free, and the replies that they left running known.

local freed = 0
for _, owner in ipairs(ask.owners) do
  local held = redis.call('HGETALL', key('held', owner))
  for index = 1, #held, 2 do
    abandonLease(held[index + 1], held[index], owner)
    freed = freed + 1
  end
  redis.call('DEL', key('held', owner))
  redis.call('ZREM', prefix .. 'beats', owner)
  redis.call('HDEL', prefix .. 'owners', owner)
  redis.call('HDEL', prefix .. 'present', owner)
end
return freed
