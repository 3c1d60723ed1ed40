-- @returns what stands there now, in the same order

local sums = {}
for index, one in ipairs(ask.amounts) do
  local name = key('n', one.kind .. '@' .. whole(one.start))
  sums[index] = redis.call('HINCRBYFLOAT', name, one.subject, string.format('%.17g', one.amount))
  keepWindow(one.kind, one.start)
end
return sums
