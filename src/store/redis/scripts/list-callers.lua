-- Who has sessions, in the order of their names.

local callers, start = {}, 0
while #callers < ask.limit do
  local page = redis.call('ZRANGE', prefix .. 'callers', start, start + 99)
  for _, caller in ipairs(page) do
    if redis.call('EXISTS', key('cs', caller), key('cp', caller)) == 0 then
      redis.call('ZREM', prefix .. 'callers', caller)
    else
      start = start + 1
      if #callers < ask.limit then table.insert(callers, caller) end
    end
  end
  if #page < 100 then break end
end
return callers
