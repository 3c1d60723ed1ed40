-- Finds the turn that a request continues, by the rules of `Store.beginTurn`, and leases its chat.

local function claimOf(conversation, found)
  local place = chatName(found.upstream, found.account, found.chat)
  local lease = redis.call('HMGET', key('l', place), 'node', 'parent', 'response', 'ready')
  takeLease(place, ask.claim, ask.owner)
  return {
    'claim', conversation.id, conversation.session, found.upstream, found.account,
    found.chat, found.node, found.parent, found.response,
    found.systemHashes, found.toolHashes, found.base, found.count,
    lease[1] or '', lease[2] or '', lease[3] or '', lease[4] or '0', found.prefix,
  }
end

local function foundTurn(conversation, number, turn, prefixIndex)
  return {
    upstream = turn.upstream, account = turn.account, chat = turn.chat,
    node = turn.node, parent = turn.parent, response = turn.response,
    systemHashes = listOf(conversation.id, turn.systemHashes), toolHashes = listOf(conversation.id, turn.toolHashes),
    base = number, count = tostring(turn.count), prefix = prefixIndex,
  }
end

-- A chat that fits is leased, and may be free in a moment: its client has left, or its owner is dead.
local sawEnding = false

-- The first free turn of an index. @param fits what else it has to be
-- @returns found {conversation, number, turn, score}; whether one that fits is leased
local function firstFree(index, fits)
  local pageSize, sawLeased = 50, false
  for start = 0, mostEqual - 1, pageSize do
    local page = redis.call('ZREVRANGE', index, start, start + pageSize - 1, 'WITHSCORES')
    for position = 1, #page, 2 do
      local ref = page[position]
      local id, number = string.match(ref, '^(.*)/(%d+)$')
      local conversation = loadConversation(id)
      local turn = conversation and loadTurn(id, number)
      if not turn then
        redis.call('ZREM', index, ref)
      elseif conversation.caller == ask.caller and conversation.accessed >= ask.oldest and fits(turn) then
        local leased, ending = isLeased(chatName(turn.upstream, turn.account, turn.chat))
        if not leased then
          return { conversation = conversation, number = number, turn = turn, score = tonumber(page[position + 1]) }, sawLeased
        end
        sawLeased = true
        sawEnding = sawEnding or ending
      end
    end
    if #page < 2 * pageSize then break end
  end
  return nil, sawLeased
end

local function anyTurn()
  return true
end

local function ofSystem(turn)
  return turn.system == ask.system
end

-- One after the other; the first that has a free turn decides.
local function firstOf(tries)
  local sawLeased = false
  for _, try in ipairs(tries) do
    local found, leased = try()
    if found then return found end
    sawLeased = sawLeased or leased
  end
  return nil, sawLeased
end

local function equalSystem(strict)
  local plain, plainLeased = firstFree(key('f', strict .. ':' .. ask.system), anyTurn)
  local named, namedLeased = firstFree(key('k', strict .. ':' .. ask.system), anyTurn)
  if plain and named then return plain.score > named.score and plain or named end
  return plain or named, plainLeased or namedLeased
end

local function findStrict(strict)
  if ask.hint == nil then
    return firstOf({
      function() return firstFree(key('f', strict .. ':' .. ask.system), anyTurn) end,
      function() return firstFree(key('k', strict .. ':' .. ask.system), anyTurn) end,
    })
  end
  local ofHint = key('g', strict .. ':' .. ask.hint)
  return firstOf({
    function() return firstFree(ofHint, ofSystem) end,
    function() return firstFree(ofHint, anyTurn) end,
    function() return equalSystem(strict) end,
  })
end

-- The contents of tool results left out: with session evidence and an equal last turn.
local function findLoose(loose, lastTurn)
  local index = key('e', loose .. ':' .. ask.hint)
  local function ofLastTurn(turn) return turn.lastTurn == lastTurn end
  return firstOf({
    function() return firstFree(index, function(turn) return ofLastTurn(turn) and ofSystem(turn) end) end,
    function() return firstFree(index, ofLastTurn) end,
  })
end

local function findByHistory()
  for position, strict in ipairs(ask.strict) do
    local found, sawLeased = findStrict(strict)
    if not found and not sawLeased and ask.hint ~= nil then
      found, sawLeased = findLoose(ask.loose[position], ask.lastTurn[position])
    end
    if found then
      return claimOf(found.conversation, foundTurn(found.conversation, found.number, found.turn, tostring(position - 1)))
    end
    -- All that fits is leased: neither the loose fingerprint nor a shorter prefix may stand in for it.
    if sawLeased then return { sawEnding and 'ending' or 'none' } end
  end
  return { 'none' }
end

local function livingHead()
  local name = sessionName(ask.caller, ask.session)
  -- A title request under the same session name is newer than the conversation of a thin client, and not its head.
  for _, id in ipairs(redis.call('ZREVRANGE', key('h', name), 0, 99)) do
    local conversation = loadConversation(id)
    if conversation and conversation.accessed >= ask.oldest then return conversation end
    if not conversation then redis.call('ZREM', key('h', name), id) end
  end
  local newest
  for _, id in ipairs(redis.call('ZREVRANGE', key('s', name), 0, 99)) do
    local one = loadConversation(id)
    if not one then
      redis.call('ZREM', key('s', name), id)
    elseif one.accessed >= ask.oldest and (newest == nil or one.accessed > newest.accessed) then
      newest = one
    end
  end
  return newest
end

local function findByHead()
  local conversation = livingHead()
  if conversation == nil then return { 'none' } end
  if isLeased(conversation.place) then return { 'busy' } end
  redis.call('HSET', key('c', conversation.id), 'byHead', '1')
  conversation.byHead = '1'
  touch(conversation)
  local head = conversation.head ~= '' and loadTurn(conversation.id, conversation.head) or nil
  return claimOf(conversation, {
    upstream = conversation.upstream, account = conversation.account, chat = conversation.chat,
    node = conversation.node, parent = conversation.parent, response = conversation.response,
    systemHashes = head and listOf(conversation.id, head.systemHashes) or '[]',
    toolHashes = head and listOf(conversation.id, head.toolHashes) or '[]',
    base = head and conversation.head or '', count = tostring(conversation.count), prefix = '',
  })
end

if ask.session ~= nil then return findByHead() end
return findByHistory()
