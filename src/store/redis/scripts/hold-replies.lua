-- Notes how many replies of a subject may run in this process. What the dead hold is forgotten on the way.

local name = key('r', ask.subject)
local own, others = 0, 0
local holders = redis.call('HGETALL', name)
for index = 1, #holders, 2 do
  local owner = holders[index]
  local held, untilMs = string.match(holders[index + 1], '^(%d+) (%d+)$')
  if owner == ask.owner then
    own = tonumber(held)
  elseif tonumber(untilMs) <= now or not isAlive(owner) then
    redis.call('HDEL', name, owner)
  else
    others = others + tonumber(held)
  end
end
local held = ask.wanted
if held > own then held = math.max(own, math.min(held, ask.limit - others)) end
if held > 0 then
  redis.call('SADD', prefix .. 'reply-subjects', ask.subject)
  keep(prefix .. 'reply-subjects')
  redis.call('HSET', name, ask.owner, whole(held) .. ' ' .. whole(ask['until']))
  redis.call('PEXPIRE', name, whole(math.max(1, ask['until'] - now) + 60000))
else
  redis.call('HDEL', name, ask.owner)
end
return held
