-- A part of a session's conversations. @returns how many are left, and what was deleted

local index = key('s', sessionName(ask.caller, ask.session))
local deleted = {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, ask.limit - 1)) do
  local conversation = loadConversation(id)
  if conversation then
    table.insert(deleted, viewOf(conversation))
    deleteConversation(conversation)
  else
    redis.call('ZREM', index, id)
  end
end
return { redis.call('ZCARD', index), deleted }
