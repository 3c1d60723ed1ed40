-- Claims in this owner's name that it knows nothing of: it was not told in time that it has them.

local known = {}
for _, claim in ipairs(ask.known) do known[claim] = true end
local freed = 0
local held = redis.call('HGETALL', key('held', ask.owner))
for index = 1, #held, 2 do
  if not known[held[index]] then
    freeLease(held[index + 1], held[index], ask.owner, 0)
    freed = freed + 1
  end
end
return freed
