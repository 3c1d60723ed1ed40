-- The typed chat's messages: those of a session stand in one hash, a field for each part of a message.

local list = prefix .. 'chat-sessions'
local session = joined(ask.caller or '', ask.session or '')
local row, order, parts, files = key('hs', session), key('ho', session), key('hm', session), key('hf', session)
local sessions = key('hl', ask.caller or '')

local messageParts = { 'parent', 'role', 'status', 'created', 'stream', 'content', 'extras' }

local function fieldOf(id, part)
  return part .. ':' .. id
end

local function isThere()
  local updated = redis.call('HGET', row, 'updated')
  return updated ~= false and tonumber(updated) >= ask.oldest
end

local function touch()
  redis.call('HSET', row, 'updated', whole(now))
  redis.call('ZADD', sessions, whole(now), ask.session)
  redis.call('ZADD', list, whole(now), cjson.encode({ ask.caller, ask.session }))
  for _, name in ipairs({ row, order, parts, files, sessions }) do keep(name) end
end

-- Texts of a message begin at `first`: content, extras, attachments, and the same of these with the beginnings of addresses.
local function addMessage(message, first)
  redis.call('ZADD', order, redis.call('HINCRBY', row, 'next', 1), message.id)
  redis.call('HSET', parts, fieldOf(message.id, 'parent'), message.parent, fieldOf(message.id, 'role'), message.role,
    fieldOf(message.id, 'status'), message.status, fieldOf(message.id, 'created'), whole(message.created),
    fieldOf(message.id, 'stream'), message.stream, fieldOf(message.id, 'content'), ARGV[first],
    fieldOf(message.id, 'extras'), ARGV[first + 1])
  if ARGV[first + 2] ~= '[]' then
    redis.call('HSET', files, fieldOf(message.id, 'whole'), ARGV[first + 2], fieldOf(message.id, 'start'), ARGV[first + 3])
  end
end

local function messageOf(id, filesField)
  local fields = {}
  for index, part in ipairs(messageParts) do fields[index] = fieldOf(id, part) end
  local found = redis.call('HMGET', parts, unpack(fields))
  if not found[2] then return nil end
  table.insert(found, 1, id)
  table.insert(found, redis.call('HGET', files, filesField) or '[]')
  return found
end

local function dropAll(caller, sessionId)
  local name = joined(caller, sessionId)
  local existed = redis.call('EXISTS', key('hs', name))
  redis.call('UNLINK', key('hs', name), key('ho', name), key('hm', name), key('hf', name))
  redis.call('ZREM', key('hl', caller), sessionId)
  redis.call('ZREM', list, cjson.encode({ caller, sessionId }))
  return existed
end

local function sessionOf(sessionId)
  local name = joined(ask.caller, sessionId)
  local found = redis.call('HMGET', key('hs', name), 'title', 'created', 'updated')
  if not found[1] then return nil end
  return { sessionId, found[1], found[2], found[3], redis.call('ZCARD', key('ho', name)) }
end

local operations = {}

function operations.beginTurn()
  -- One that has expired and was not swept yet must not come back with what was said in it.
  if redis.call('EXISTS', row) == 1 and not isThere() then dropAll(ask.caller, ask.session) end
  redis.call('HSETNX', row, 'title', ask.title)
  redis.call('HSETNX', row, 'created', whole(now))
  for index, message in ipairs(ask.messages) do addMessage(message, 3 + (index - 1) * 4) end
  touch()
  return 1
end

local function change(id)
  redis.call('HSET', parts, fieldOf(id, 'status'), ask.status, fieldOf(id, 'content'), ARGV[3],
    fieldOf(id, 'extras'), ARGV[4])
end

function operations.endTurn()
  if redis.call('EXISTS', row) == 0 then return 0 end
  if redis.call('HEXISTS', parts, fieldOf(ask.id, 'role')) == 1 then change(ask.id) end
  touch()
  return 1
end

function operations.recoverTurn()
  if redis.call('HGET', parts, fieldOf(ask.id, 'status')) == 'running' then change(ask.id) end
  return 1
end

function operations.findMessages()
  if not isThere() then return { 0 } end
  local messages = {}
  for _, id in ipairs(redis.call('ZRANGE', order, 0, -1)) do
    table.insert(messages, messageOf(id, fieldOf(id, 'start')))
  end
  return { 1, messages }
end

function operations.findPath()
  if not isThere() then return { '', '', {} } end
  local newest = redis.call('ZREVRANGE', order, 0, 0)[1] or ''
  local first = redis.call('ZRANGE', order, 0, 0)[1]
  local path = {}
  local id = ask.newest and newest or ask.message
  local position = id and redis.call('ZSCORE', order, id)
  -- Whoever follows a message was written behind it, so that there are no circles to be walked for ever.
  while position do
    local message = messageOf(id, fieldOf(id, 'whole'))
    if message == nil then break end
    table.insert(path, 1, message)
    id = message[2]
    local before = id ~= '' and redis.call('ZSCORE', order, id)
    position = before and tonumber(before) < tonumber(position) and before
  end
  return { newest, first and redis.call('HGET', parts, fieldOf(first, 'extras')) or '', path }
end

function operations.findMessage()
  if not isThere() then return {} end
  return messageOf(ask.id, fieldOf(ask.id, 'whole')) or {}
end

function operations.listStreams()
  local streams = {}
  for _, id in ipairs(redis.call('ZRANGE', order, 0, -1)) do
    local stream = redis.call('HGET', parts, fieldOf(id, 'stream'))
    if stream and stream ~= '' then table.insert(streams, stream) end
  end
  return streams
end

function operations.findSession()
  return isThere() and sessionOf(ask.session) or {}
end

function operations.listSessions()
  local found = {}
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', sessions, '+inf', whole(ask.oldest), 'LIMIT', 0, ask.limit)) do
    table.insert(found, sessionOf(id))
  end
  return found
end

function operations.deleteSession()
  return dropAll(ask.caller, ask.session)
end

function operations.sweep()
  local expired = redis.call('ZRANGEBYSCORE', list, '-inf', '(' .. whole(ask.oldest), 'LIMIT', 0, ask.limit)
  for _, member in ipairs(expired) do dropAll(unpack(cjson.decode(member))) end
  return #expired
end

return operations[ask.operation]()
