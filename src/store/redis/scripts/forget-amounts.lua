-- Forgets all amounts of a subject. @returns how many there were

local forgotten = 0
for _, kind in ipairs(redis.call('SMEMBERS', prefix .. 'amount-kinds')) do
  for _, start in ipairs(redis.call('ZRANGE', key('nk', kind), 0, -1)) do
    forgotten = forgotten + redis.call('HDEL', key('n', kind .. '@' .. start), ask.subject)
  end
end
return forgotten
