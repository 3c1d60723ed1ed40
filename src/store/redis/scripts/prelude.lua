-- Begins every script: what is asked, what time it is, who is alive, and how conversations, turns and leases are kept.
-- ARGV[1] is what all keys begin with, ARGV[2] what is asked, as JSON, ARGV[3] and on texts that are kept as they come.
-- "" stands for null. Needs Redis 6.2: a script may touch keys that it computes, so that one server holds everything.
-- What deletes begins with a deletion: a server whose memory is full refuses a script's first write if that may take memory, and
-- none behind it. So it can always be given some back, and a key be revoked.

local prefix = ARGV[1]
local ask = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local serverNow = time[1] * 1000 + math.floor(time[2] / 1000)

-- Whoever asked has given up by now, and tells his client so: what comes late must not lease a chat for nobody.
if ask.notAfter and serverNow > ask.notAfter then
  return redis.error_reply('LATE ' .. tostring(serverNow - ask.notAfter) .. ' ms')
end

local now = ask.now

-- An owner says every 2 s that it lives.
local silentMs = 10000
-- One whose connection broke has another one within so long, if it lives: see `connectMs` and `reconnectMs` in connection.ts.
local goneMs = 3000
-- Turns with one fingerprint, and turns of one conversation, that are kept: the newest.
local mostEqual, mostTurns = 1000, 1000
local freshScore = 4503599627370496
local deletedMs = 3600000
local settledMs = 60000

local function key(kind, name)
  return prefix .. kind .. ':' .. name
end

local function whole(number)
  return string.format('%.0f', number)
end

local function keep(name)
  redis.call('PEXPIRE', name, whole(ask.keep))
end

-- Whatever stands in either of them: one caller's names are never another one's.
local function joined(first, second)
  return #first .. ':' .. first .. ':' .. second
end

local function chatName(upstream, account, chat)
  return joined(upstream, joined(account, chat))
end

local function sessionName(caller, session)
  return joined(caller, session)
end

-- Sessions that serve one request only: passing-session.ts.
local function isPassing(session)
  return string.sub(session, 1, 1) == ' '
end

-- Later access first, then the later one made. Above 2^53 a score would lose its end.
local function recency(accessed, order)
  return whole(accessed * 2048 + order % 2048)
end

-- How long nobody has listened where this owner would: the system closes the connection of a process that is killed. Nil while
-- it does listen, and for one that never could.
local function goneFor(owner)
  local since = redis.call('HGET', prefix .. 'present', owner)
  if since == false then return nil end
  if redis.call('PUBSUB', 'NUMSUB', prefix .. 'here:' .. owner)[2] > 0 then
    if since ~= '0' then redis.call('HSET', prefix .. 'present', owner, '0') end
    return nil
  end
  if since == '0' then
    redis.call('HSET', prefix .. 'present', owner, whole(serverNow))
    return 0
  end
  return math.max(0, serverNow - tonumber(since))
end

-- 'alive', 'dead', or 'missing' until it is known which of both.
local stateBy = {}
local function stateOf(owner)
  if stateBy[owner] == nil then
    local beat = redis.call('ZSCORE', prefix .. 'beats', owner)
    local graceUntil = redis.call('HGET', prefix .. 'pulse', 'graceUntil')
    local isInGrace = graceUntil ~= false and serverNow < tonumber(graceUntil)
    local isSilent = not beat or (serverNow - tonumber(beat) >= silentMs and not isInGrace)
    local gone = not isSilent and goneFor(owner)
    if isSilent or (gone and gone >= goneMs) then stateBy[owner] = 'dead'
    else stateBy[owner] = gone and 'missing' or 'alive' end
  end
  return stateBy[owner]
end

local function isAlive(owner)
  return stateOf(owner) ~= 'dead'
end

-- A number that no earlier state of this server has had, also after it lost what it wrote last.
local function raise(name)
  local before = tonumber(redis.call('GET', prefix .. name) or '0')
  local raised = math.max(before + 1, serverNow)
  redis.call('SET', prefix .. name, whole(raised))
  return raised
end

-- What a subject has of a kind, by the stretches that began since, also those ahead of this moment. Of what was counted before
-- times were kept the beginning stands for the last.
local function eachAmount(subject, kind, since, visit)
  for _, start in ipairs(redis.call('ZRANGEBYSCORE', key('nk', kind), whole(since), '+inf')) do
    local name = kind .. '@' .. start
    local amount = redis.call('HGET', key('n', name), subject)
    if amount then visit(start, amount, redis.call('HGET', key('nt', name), subject) or start) end
  end
end

-- Beginning, amount and time of the last, one behind the other.
local function amountsOf(subject, kind, since)
  local found = {}
  eachAmount(subject, kind, since, function(start, amount, last)
    table.insert(found, start)
    table.insert(found, amount)
    table.insert(found, last)
  end)
  return found
end

local function addAmount(subject, kind, start, amount, last)
  local name = kind .. '@' .. whole(start)
  local sum = redis.call('HINCRBYFLOAT', key('n', name), subject, string.format('%.17g', amount))
  if last > tonumber(redis.call('HGET', key('nt', name), subject) or '0') then
    redis.call('HSET', key('nt', name), subject, whole(last))
  end
  redis.call('ZADD', key('nk', kind), whole(start), whole(start))
  redis.call('SADD', prefix .. 'amount-kinds', kind)
  keep(key('n', name))
  keep(key('nt', name))
  keep(key('nk', kind))
  keep(prefix .. 'amount-kinds')
  return sum
end

-- What a process has said of itself, as JSON; "" when nobody knows it any more.
local function processOf(owner)
  return redis.call('HGET', prefix .. 'owners', owner) or ''
end

-- Leases -----------------------------------------------------------------------------------------------------------

-- What this very claim has taken before, without its gateway being told, is free for it.
-- @returns whether it is leased; whether it may be free in a moment
local function isLeased(chat)
  local lease = redis.call('HMGET', key('l', chat), 'claim', 'owner', 'leaving')
  if lease[1] == false or lease[1] == ask.claim then return false, false end
  local state = stateOf(lease[2])
  return state ~= 'dead', state == 'missing' or lease[3] ~= false
end

local function takeLease(chat, claim, owner)
  local name = key('l', chat)
  local before = redis.call('HMGET', name, 'claim', 'owner')
  if before[1] then redis.call('HDEL', key('held', before[2]), before[1]) end
  redis.call('DEL', name)
  redis.call('HSET', name, 'claim', claim, 'owner', owner)
  keep(name)
  redis.call('HSET', key('held', owner), claim, chat)
  keep(key('held', owner))
end

-- Nothing of a chat that somebody else has taken since.
local function freeLease(chat, claim, owner, settle)
  redis.call('HDEL', key('held', owner), claim)
  local name = key('l', chat)
  if redis.call('HGET', name, 'claim') ~= claim then return end
  redis.call('DEL', name)
  if settle > 0 then
    redis.call('HSET', name, 'ready', whole(now + math.ceil(settle)))
    redis.call('PEXPIRE', name, whole(math.ceil(settle) + settledMs))
  end
end

-- Unlike an ending, this keeps the noted reply for the next claim.
local function abandonLease(chat, claim, owner)
  redis.call('HDEL', key('held', owner), claim)
  local name = key('l', chat)
  if redis.call('HGET', name, 'claim') == claim then redis.call('HDEL', name, 'claim', 'owner', 'leaving') end
end

local function noteReply(chat, claim, reply)
  local name = key('l', chat)
  if redis.call('HGET', name, 'claim') ~= claim then return end
  redis.call('HSET', name, 'node', reply.node, 'parent', reply.parent, 'response', reply.response)
end

-- Conversations ----------------------------------------------------------------------------------------------------

local conversationFields = {
  'caller', 'session', 'upstream', 'account', 'chat', 'node', 'parent', 'response', 'model', 'count', 'created',
  'accessed', 'order', 'head', 'turns', 'byHead',
}
local viewFields = 13

local function loadConversation(id)
  local values = redis.call('HMGET', key('c', id), unpack(conversationFields))
  if values[1] == false then return nil end
  local conversation = { id = id, values = values }
  for index, field in ipairs(conversationFields) do conversation[field] = values[index] end
  for _, field in ipairs({ 'count', 'created', 'accessed', 'order', 'turns' }) do
    conversation[field] = tonumber(conversation[field])
  end
  conversation.place = chatName(conversation.upstream, conversation.account, conversation.chat)
  return conversation
end

local function viewOf(conversation)
  local view = { conversation.id }
  for index = 1, viewFields do view[index + 1] = conversation.values[index] end
  return view
end

local function touch(conversation)
  local id, caller, session = conversation.id, conversation.caller, conversation.session
  conversation.accessed = now
  redis.call('HSET', key('c', id), 'accessed', whole(now))
  local score = recency(now, conversation.order)
  local sessions = key(isPassing(session) and 'cp' or 'cs', caller)
  redis.call('ZADD', sessions, score, session)
  redis.call('ZADD', prefix .. 'expiring', whole(now), id)
  if isPassing(session) then redis.call('ZADD', prefix .. 'passing', whole(now), id) end
  local name = sessionName(caller, session)
  if conversation.byHead == '1' then
    redis.call('ZADD', key('h', name), score, id)
    keep(key('h', name))
  end
  keep(key('c', id))
  keep(key('t', id))
  keep(key('m', id))
  keep(key('s', name))
  keep(key('u', conversation.place))
  keep(sessions)
end

local function moveToChat(conversation, upstream, account, chat)
  local place = chatName(upstream, account, chat)
  if place ~= conversation.place then
    redis.call('SREM', key('u', conversation.place), conversation.id)
    redis.call('SADD', key('u', place), conversation.id)
    conversation.place = place
  end
end

-- What it does not name is empty.
local function createConversation(id, made)
  local order = redis.call('INCR', prefix .. 'sequence')
  redis.call('HSET', key('c', id),
    'caller', made.caller, 'session', made.session, 'upstream', made.upstream, 'account', made.account,
    'chat', made.chat, 'node', '', 'parent', '', 'response', '', 'model', made.model, 'count', made.count,
    'created', whole(made.created or now), 'accessed', whole(now), 'order', order, 'head', '', 'turns', 0,
    'byHead', made.byHead and '1' or '0')
  redis.call('ZADD', key('s', sessionName(made.caller, made.session)), order, id)
  redis.call('SADD', key('u', chatName(made.upstream, made.account, made.chat)), id)
  redis.call('ZADD', prefix .. 'callers', 0, made.caller)
  local conversation = loadConversation(id)
  touch(conversation)
  return conversation
end

-- Turns ------------------------------------------------------------------------------------------------------------

local function indexKeys(turn)
  if turn.hint == nil then return { key('f', turn.strict .. ':' .. turn.system) } end
  return {
    key('k', turn.strict .. ':' .. turn.system),
    key('g', turn.strict .. ':' .. turn.hint),
    key('e', turn.loose .. ':' .. turn.hint),
  }
end

local function loadTurn(id, number)
  local text = redis.call('HGET', key('t', id), number)
  return text and cjson.decode(text) or nil
end

local function forgetTurn(id, number)
  local turn = loadTurn(id, number)
  if turn == nil then return end
  redis.call('HDEL', key('t', id), number)
  for _, index in ipairs(indexKeys(turn)) do redis.call('ZREM', index, id .. '/' .. number) end
end

-- Lists of hashes are the same in nearly all turns of a conversation: each is kept once.
local function keepList(id, text)
  if #text < 44 then return text end
  local name = '#' .. redis.sha1hex(text)
  redis.call('HSETNX', key('t', id), name, text)
  return name
end

local function listOf(id, name)
  if string.sub(name, 1, 1) ~= '#' then return name end
  return redis.call('HGET', key('t', id), name) or '[]'
end

local function addTurn(conversation, turn)
  local id = conversation.id
  local number = redis.call('HINCRBY', key('c', id), 'turns', 1)
  turn.order = redis.call('INCR', prefix .. 'sequence')
  turn.systemHashes = keepList(id, turn.systemHashes)
  turn.toolHashes = keepList(id, turn.toolHashes)
  redis.call('HSET', key('t', id), number, cjson.encode(turn))
  if turn.node ~= '' then
    for _, index in ipairs(indexKeys(turn)) do
      redis.call('ZADD', index, whole(freshScore + turn.order), id .. '/' .. number)
      redis.call('ZREMRANGEBYRANK', index, 0, -mostEqual - 1)
      keep(index)
    end
  end
  if number > mostTurns then forgetTurn(id, number - mostTurns) end
  return number
end

local function isTurnContinued(id, number)
  local turn = loadTurn(id, number)
  return turn ~= nil and turn.continued == true
end

local function markContinued(id, number)
  local turn = loadTurn(id, number)
  if turn == nil or turn.continued then return end
  turn.continued = true
  redis.call('HSET', key('t', id), number, cjson.encode(turn))
  for _, index in ipairs(indexKeys(turn)) do redis.call('ZADD', index, 'XX', whole(turn.order), id .. '/' .. number) end
end

-- Whether this place was answered by somebody else: the claim's own answer then becomes a branch.
local function isContinued(conversation, base)
  if base == nil then return conversation.head ~= '' end
  return isTurnContinued(conversation.id, base)
end

local function deleteConversation(conversation)
  local id, caller, session = conversation.id, conversation.caller, conversation.session
  local texts = redis.call('HGETALL', key('t', id))
  for index = 1, #texts, 2 do
    if string.sub(texts[index], 1, 1) ~= '#' then
      for _, name in ipairs(indexKeys(cjson.decode(texts[index + 1]))) do
        redis.call('ZREM', name, id .. '/' .. texts[index])
      end
    end
  end
  redis.call('DEL', key('c', id), key('t', id), key('m', id))
  -- An answer that still runs in it does not bring it back.
  redis.call('SET', key('x', id), '1', 'PX', deletedMs)
  redis.call('SREM', key('u', conversation.place), id)
  redis.call('ZREM', prefix .. 'expiring', id)
  redis.call('ZREM', prefix .. 'passing', id)
  local name = sessionName(caller, session)
  redis.call('ZREM', key('s', name), id)
  redis.call('ZREM', key('h', name), id)
  if redis.call('EXISTS', key('s', name)) == 1 then return end
  redis.call('ZREM', key(isPassing(session) and 'cp' or 'cs', caller), session)
  if redis.call('EXISTS', key('cs', caller), key('cp', caller)) == 0 then redis.call('ZREM', prefix .. 'callers', caller) end
end

-- The last one of a session may go before others do.
local function rankSession(caller, session)
  local latest = 0
  for _, id in ipairs(redis.call('ZRANGE', key('s', sessionName(caller, session)), 0, -1)) do
    local found = redis.call('HMGET', key('c', id), 'accessed', 'order')
    if found[1] then latest = math.max(latest, found[1] * 2048 + found[2] % 2048) end
  end
  if latest > 0 then redis.call('ZADD', key(isPassing(session) and 'cp' or 'cs', caller), whole(latest), session) end
end
