-- Takes as much as the limit leaves, by the rule of `grantOf` (amount-store.ts). @returns granted, amount, previous

local function windowAt(start)
  return key('n', ask.kind .. '@' .. whole(start))
end

local name = windowAt(ask.start)
local amount = tonumber(redis.call('HGET', name, ask.subject) or '0')
local previous = tonumber(redis.call('HGET', windowAt(ask.start - ask.window), ask.subject) or '0')
local carried = math.max(0, math.ceil(previous * ask.carried) - 1)
local granted = math.max(0, math.min(ask.wanted, ask.limit - carried - amount))
if granted > 0 then
  redis.call('HINCRBYFLOAT', name, ask.subject, granted)
  keepWindow(ask.kind, ask.start)
end
return { tostring(granted), tostring(amount + granted), tostring(previous) }
