-- Of whom something is counted that counts still, or replies are noted. In no order.

local function isWanted(subject)
  return subject > ask.after and (ask.before == nil or subject < ask.before)
end

local found, seen = {}, {}
local function add(subject)
  if seen[subject] or not isWanted(subject) then return end
  seen[subject] = true
  table.insert(found, subject)
end

for _, one in ipairs(ask.kinds) do
  for _, start in ipairs(redis.call('ZRANGEBYSCORE', key('nk', one.kind), whole(one.since), '+inf')) do
    local amounts = redis.call('HGETALL', key('n', one.kind .. '@' .. start))
    for index = 1, #amounts, 2 do
      if tonumber(amounts[index + 1]) ~= 0 then add(amounts[index]) end
    end
  end
end
for _, subject in ipairs(redis.call('SMEMBERS', prefix .. 'reply-subjects')) do
  if redis.call('EXISTS', key('r', subject)) == 1 then
    add(subject)
  else
    redis.call('SREM', prefix .. 'reply-subjects', subject)
  end
end
return found
