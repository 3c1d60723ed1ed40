-- The conversations of a caller's sessions, those of the last accessed ones.

local views = {}
local index = key('cs', ask.caller)
local sessions = redis.call('ZREVRANGEBYSCORE', index, '+inf', whole(ask.oldest * 2048), 'LIMIT', 0, ask.limit)
for _, session in ipairs(sessions) do
  for _, id in ipairs(redis.call('ZREVRANGE', key('s', sessionName(ask.caller, session)), 0, -1)) do
    local conversation = loadConversation(id)
    if conversation and conversation.accessed >= ask.oldest then table.insert(views, viewOf(conversation)) end
  end
end
return views
