-- Says the held replies of one process again.

for _, subject in ipairs(ask.subjects) do
  local name = key('r', subject)
  local text = redis.call('HGET', name, ask.owner)
  if text then
    redis.call('HSET', name, ask.owner, string.match(text, '^(%d+)') .. ' ' .. whole(ask['until']))
    redis.call('PEXPIRE', name, whole(math.max(1, ask['until'] - now) + 60000))
  end
end
return 1
