local amounts = {}
for index, one in ipairs(ask.keys) do
  amounts[index] = redis.call('HGET', key('n', one.kind .. '@' .. whole(one.start)), one.subject) or '0'
end
return amounts
