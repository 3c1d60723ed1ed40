-- The conversations of one session that have not expired.

local views = {}
local index = key('s', sessionName(ask.caller, ask.session))
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, -1)) do
  local conversation = loadConversation(id)
  if not conversation then
    redis.call('ZREM', index, id)
  elseif conversation.accessed >= ask.oldest then
    table.insert(views, viewOf(conversation))
  end
end
return views
