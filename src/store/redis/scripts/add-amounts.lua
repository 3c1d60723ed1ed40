-- @returns what stands there now, in the same order

local sums = {}
for index, one in ipairs(ask.amounts) do
  local name = key('n', one.kind .. '@' .. whole(one.start))
  sums[index] = redis.call('HINCRBYFLOAT', name, one.subject, string.format('%.17g', one.amount))
  redis.call('ZADD', key('nk', one.kind), whole(one.start), whole(one.start))
  keep(name)
  keep(key('nk', one.kind))
end
return sums
