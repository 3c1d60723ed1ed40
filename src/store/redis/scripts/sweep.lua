-- A part of what was last accessed before `oldest`, in the index of all or of those that served one request only.
-- @returns how many were looked at, how many of them are still there, and what was deleted

local index = prefix .. ask.index
local ids = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. whole(ask.oldest), 'LIMIT', ask.skip, ask.limit)
local left, deleted = 0, {}
for _, id in ipairs(ids) do
  local conversation = loadConversation(id)
  if not conversation then
    redis.call('ZREM', prefix .. 'expiring', id)
    redis.call('ZREM', prefix .. 'passing', id)
  elseif isLeased(conversation.place) then
    left = left + 1
  else
    table.insert(deleted, viewOf(conversation))
    deleteConversation(conversation)
  end
end
return { #ids, left, deleted }
