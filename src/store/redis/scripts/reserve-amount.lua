-- Takes as much as the limit leaves, by the rule of `grantOf` (amount-store.ts). @returns granted, parts

local used = 0
local ahead = 2 * ask.at - ask.after
eachAmount(ask.subject, ask.kind, ask.since, function(_, amount, last)
  last = tonumber(last)
  if last > ask.after and last <= ahead then used = used + tonumber(amount) end
end)
local granted = math.max(0, math.min(ask.wanted, ask.limit - used))
if granted > 0 then addAmount(ask.subject, ask.kind, ask.start, granted, ask.at) end
return { tostring(granted), amountsOf(ask.subject, ask.kind, ask.since) }
