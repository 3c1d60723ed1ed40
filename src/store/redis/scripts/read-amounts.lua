-- @returns parts, a list for each span in the same order

local found = {}
for index, one in ipairs(ask.spans) do found[index] = amountsOf(one.subject, one.kind, one.since) end
return found
