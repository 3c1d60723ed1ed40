-- A new chat, leased from birth: of a conversation of its own, or in the place of one that is lost.

local place = chatName(ask.upstream, ask.account, ask.chat)

local function hold(id, session, base, count)
  takeLease(place, ask.claim, ask.owner)
  noteReply(place, ask.claim, ask.reply)
  return { id, session, base or '', tostring(count) }
end

local replaced = ask.replaces
if replaced then
  freeLease(chatName(replaced.upstream, replaced.account, replaced.chat), replaced.claim, ask.owner, 0)
  local conversation = loadConversation(replaced.conversation)
  if conversation and not isContinued(conversation, replaced.base) then
    local count = math.max(conversation.count, ask.prior)
    moveToChat(conversation, ask.upstream, ask.account, ask.chat)
    redis.call('HSET', key('c', conversation.id), 'upstream', ask.upstream, 'account', ask.account, 'chat', ask.chat,
      'node', '', 'parent', '', 'response', '', 'head', '', 'model', ask.model, 'count', count)
    touch(conversation)
    return hold(conversation.id, conversation.session, replaced.base, count)
  end
end

-- A chat whose first turn failed serves its repetition: the conversation that came to nothing makes room.
if not isLeased(place) then
  for _, id in ipairs(redis.call('SMEMBERS', key('u', place))) do
    local unanswered = loadConversation(id)
    if unanswered and unanswered.caller == ask.caller and unanswered.head == '' then
      deleteConversation(unanswered)
      rankSession(unanswered.caller, unanswered.session)
    end
  end
end

local session = replaced and replaced.session or ask.session
createConversation(ask.conversation, {
  caller = ask.caller, session = session, upstream = ask.upstream, account = ask.account, chat = ask.chat,
  model = ask.model, count = ask.prior, byHead = ask.byHead,
})
return hold(ask.conversation, session, nil, ask.prior)
