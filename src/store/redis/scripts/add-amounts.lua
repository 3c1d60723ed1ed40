-- @returns what stands there now, in the same order

local sums = {}
for index, one in ipairs(ask.amounts) do
  sums[index] = addAmount(one.subject, one.kind, one.start, one.amount, one.last)
end
return sums
