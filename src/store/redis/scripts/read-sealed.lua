-- The accounts of all upstreams with credentials: upstream, id, text, and until when somebody renews them.

local found = {}
for _, upstream in ipairs(redis.call('SMEMBERS', prefix .. 'upstreams')) do
  local accounts = redis.call('HGETALL', key('a', upstream))
  for index = 1, #accounts, 2 do
    if cjson.decode(accounts[index + 1]).sealed then
      local untilMs = redis.call('HGET', key('al', joined(upstream, accounts[index])), 'until')
      table.insert(found, { upstream, accounts[index], accounts[index + 1], untilMs or '0' })
    end
  end
end
return found
