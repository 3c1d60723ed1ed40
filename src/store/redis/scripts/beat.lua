-- Says that an owner of leases lives. @returns how many chats it holds, and who else has been heard of

local last = tonumber(redis.call('HGET', prefix .. 'pulse', 'last') or '0')
-- Nobody could say so for a while: all owners are given the time to say it again before their leases count no more.
if serverNow - last > silentMs / 2 then redis.call('HSET', prefix .. 'pulse', 'graceUntil', whole(serverNow + silentMs)) end
redis.call('HSET', prefix .. 'pulse', 'last', whole(serverNow))
redis.call('ZADD', prefix .. 'beats', whole(serverNow), ask.owner)
redis.call('HSET', prefix .. 'owners', ask.owner, ask.process)
if ask.presence == 'unseen' then
  redis.call('HDEL', prefix .. 'present', ask.owner)
else
  -- One who is about to listen has the time of one whose connection broke: killed before, it is noticed all the same.
  redis.call('HSET', prefix .. 'present', ask.owner, ask.presence == 'expected' and whole(serverNow) or '0')
end
for _, owner in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'beats', '-inf', whole(serverNow - 86400000), 'LIMIT', 0, 100)) do
  redis.call('ZREM', prefix .. 'beats', owner)
  redis.call('HDEL', prefix .. 'owners', owner)
  redis.call('HDEL', prefix .. 'present', owner)
  redis.call('DEL', key('held', owner))
end
local owners = ask.tellOwners and redis.call('HGETALL', prefix .. 'owners') or {}
return { redis.call('HLEN', key('held', ask.owner)), owners }
