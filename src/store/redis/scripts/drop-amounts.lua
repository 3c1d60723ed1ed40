-- Forgets stretches that began before.

for _, one in ipairs(ask.kinds) do
  local index = key('nk', one.kind)
  for _, start in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. whole(one.before), 'LIMIT', 0, 1000)) do
    local name = one.kind .. '@' .. start
    redis.call('UNLINK', key('n', name), key('nt', name))
    redis.call('ZREM', index, start)
  end
end
return 1
