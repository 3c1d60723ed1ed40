-- How many replies of each subject run in processes that live.

local counts = {}
for position, subject in ipairs(ask.subjects) do
  local count = 0
  local holders = redis.call('HGETALL', key('r', subject))
  for index = 1, #holders, 2 do
    local held, untilMs = string.match(holders[index + 1], '^(%d+) (%d+)$')
    local isOwn = holders[index] == ask.owner
    if isOwn or (tonumber(untilMs) > now and isAlive(holders[index])) then count = count + tonumber(held) end
  end
  counts[position] = count
end
return counts
