-- Conversations that clients make, fill and refer to by name. Texts: metadata, and then items.

local list, total = prefix .. 'named-conversations', prefix .. 'named-bytes'

local function names(caller, id)
  local name = joined(caller, id)
  return key('nc', name), key('no', name), key('ni', name)
end

local function memberOf(caller, id)
  return cjson.encode({ caller, id })
end

local row, order, items = names(ask.caller or '', ask.id or '')

local function isThere()
  local updated = redis.call('HGET', row, 'updated')
  return updated ~= false and tonumber(updated) >= ask.oldest
end

local function found()
  if not isThere() then return {} end
  return redis.call('HMGET', row, 'metadata', 'created')
end

local function touch()
  redis.call('HSET', row, 'updated', whole(now))
  redis.call('ZADD', list, whole(now), memberOf(ask.caller, ask.id))
  keep(row)
  keep(order)
  keep(items)
end

local function addItems(first)
  for index, itemId in ipairs(ask.items) do
    local text = ARGV[first + index - 1]
    if redis.call('HSETNX', items, itemId, text) == 1 then
      redis.call('ZADD', order, redis.call('HINCRBY', row, 'next', 1), itemId)
      redis.call('INCRBY', total, #text)
    end
  end
end

local function dropItem(orderName, itemsName, itemId)
  local text = redis.call('HGET', itemsName, itemId)
  if not text then return 0 end
  redis.call('HDEL', itemsName, itemId)
  redis.call('INCRBY', total, -#text)
  redis.call('ZREM', orderName, itemId)
  return 1
end

local function dropAll(caller, id)
  local rowName, orderName, itemsName = names(caller, id)
  for _, itemId in ipairs(redis.call('ZRANGE', orderName, 0, -1)) do dropItem(orderName, itemsName, itemId) end
  redis.call('DEL', rowName, orderName, itemsName)
  redis.call('ZREM', list, memberOf(caller, id))
end

local function textsOf(itemIds)
  local texts = {}
  for index, itemId in ipairs(itemIds) do texts[index] = redis.call('HGET', items, itemId) end
  return texts
end

local operations = {}

function operations.create()
  redis.call('HSET', row, 'metadata', ARGV[3], 'created', whole(ask.created), 'next', 0)
  addItems(4)
  touch()
  return 1
end

operations.find = found

function operations.setMetadata()
  if not isThere() then return {} end
  redis.call('HSET', row, 'metadata', ARGV[3])
  touch()
  return found()
end

function operations.forget()
  local wasThere = isThere()
  dropAll(ask.caller, ask.id)
  return wasThere and 1 or 0
end

function operations.append()
  if not isThere() then return 0 end
  addItems(3)
  touch()
  return 1
end

function operations.findItems()
  if not isThere() then return { 0 } end
  local last = '+inf'
  if ask.before then
    local position = redis.call('ZSCORE', order, ask.before)
    if not position then return { 0 } end
    last = '(' .. position
  end
  return { 1, textsOf(redis.call('ZRANGEBYSCORE', order, '-inf', last)) }
end

function operations.listItems()
  if not isThere() then return { 0 } end
  local position = ask.after and redis.call('ZSCORE', order, ask.after) or nil
  local itemIds
  if ask.order == 'asc' then
    itemIds = redis.call('ZRANGEBYSCORE', order, position and '(' .. position or '-inf', '+inf', 'LIMIT', 0, ask.limit)
  else
    itemIds = redis.call('ZREVRANGEBYSCORE', order, position and '(' .. position or '+inf', '-inf', 'LIMIT', 0, ask.limit)
  end
  return { 1, textsOf(itemIds) }
end

function operations.findItem()
  if not isThere() then return {} end
  return { redis.call('HGET', items, ask.itemId) or nil }
end

function operations.forgetItem()
  if not isThere() then return 0 end
  return dropItem(order, items, ask.itemId)
end

function operations.sweep()
  local expired = redis.call('ZRANGEBYSCORE', list, '-inf', '(' .. whole(ask.oldest), 'LIMIT', 0, ask.limit)
  for _, member in ipairs(expired) do
    local caller, id = unpack(cjson.decode(member))
    dropAll(caller, id)
  end
  return #expired
end

-- @returns how many went; 0 when there is room, or nothing is left
function operations.makeRoom()
  local dropped = 0
  while dropped < ask.limit and tonumber(redis.call('GET', total) or '0') > ask.mostBytes do
    local oldest = redis.call('ZRANGE', list, 0, 0)[1]
    if oldest == nil then
      redis.call('DEL', total)
      break
    end
    local caller, id = unpack(cjson.decode(oldest))
    dropAll(caller, id)
    dropped = dropped + 1
  end
  return dropped
end

return operations[ask.operation]()
