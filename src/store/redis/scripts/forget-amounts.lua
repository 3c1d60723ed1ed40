-- Forgets all amounts of a subject. @returns how many there were

local forgotten = 0
for _, kind in ipairs(redis.call('SMEMBERS', prefix .. 'amount-kinds')) do
  for _, start in ipairs(redis.call('ZRANGE', key('nk', kind), 0, -1)) do
    local name = kind .. '@' .. start
    forgotten = forgotten + redis.call('HDEL', key('n', name), ask.subject)
    redis.call('HDEL', key('nt', name), ask.subject)
  end
end
return forgotten
