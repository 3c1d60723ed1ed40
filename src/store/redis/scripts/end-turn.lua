-- Commits a turn and gives its chat back. Called again with `again`, it changes nothing that it has done before.

freeLease(chatName(ask.upstream, ask.account, ask.chat), ask.claim, ask.owner, ask.settle)

-- Few turns can have followed since.
local function hasEndedBefore()
  if redis.call('EXISTS', key('c', ask.branch)) == 1 then return true end
  local turns = tonumber(redis.call('HGET', key('c', ask.conversation), 'turns') or '0')
  for number = turns, math.max(1, turns - 15), -1 do
    local turn = loadTurn(ask.conversation, number)
    if turn and turn.claim == ask.claim then return true end
  end
  return false
end

if ask.again and hasEndedBefore() then return 'again' end

local function makeConversation(id, count, byHead)
  return createConversation(id, {
    caller = ask.caller, session = ask.session, upstream = ask.upstream, account = ask.account, chat = ask.turn.chat,
    model = ask.model, count = count, byHead = byHead,
  })
end

local base = ask.base
local conversation = loadConversation(ask.conversation)
if conversation == nil then
  -- Deleted while the turn ran: it stays deleted.
  if redis.call('EXISTS', key('x', ask.conversation)) == 1 then return 'deleted' end
  -- Its opening was never written, or the server has lost what it wrote last: what was answered is kept nevertheless.
  conversation = makeConversation(ask.conversation, ask.baseCount, ask.byHead)
  base = nil
end

-- A client that goes on under another name is found there; here nothing was continued.
local isElsewhere = base ~= nil and conversation.session ~= ask.session
local count = conversation.count + 1
if isElsewhere or isContinued(conversation, base) then
  count = ask.baseCount + 1
  local branch = makeConversation(ask.branch, count, ask.branchByHead)
  if #ARGV > 2 then redis.call('COPY', key('m', conversation.id), key('m', branch.id)) end
  redis.call('HSET', key('c', branch.id), 'chars', redis.call('HGET', key('c', conversation.id), 'chars') or '0')
  if base and not isElsewhere then markContinued(conversation.id, base) end
  conversation = branch
  base = nil
end

local turn = ask.turn
turn.claim, turn.upstream, turn.account, turn.count = ask.claim, ask.upstream, ask.account, count
local number = addTurn(conversation, turn)
if base then markContinued(conversation.id, base) end

moveToChat(conversation, ask.upstream, ask.account, turn.chat)
redis.call('HSET', key('c', conversation.id), 'upstream', ask.upstream, 'account', ask.account, 'chat', turn.chat,
  'node', turn.node, 'parent', turn.parent, 'response', turn.response, 'model', ask.model, 'count', count,
  'head', number)

local chars = 0
for index = 3, #ARGV do
  redis.call('RPUSH', key('m', conversation.id), ARGV[index])
  chars = chars + #ARGV[index]
end
if chars > 0 then
  chars = redis.call('HINCRBY', key('c', conversation.id), 'chars', chars)
  while chars > ask.mostChars do
    local oldest = redis.call('LPOP', key('m', conversation.id))
    if not oldest then break end
    chars = redis.call('HINCRBY', key('c', conversation.id), 'chars', -#oldest)
  end
end

touch(conversation)
return 'ended'
