-- Stored responses, tree by tree: a tree lasts as long as somebody goes on from it. Texts: response, output, input.

local trees, total = prefix .. 'response-trees', prefix .. 'response-bytes'

local mostSteps = 100000

local function nameOf(caller, id)
  return key('rs', joined(caller, id))
end

local function treeName(caller, tree)
  return key('rt', joined(caller, tree))
end

local function memberOf(caller, tree)
  return cjson.encode({ caller, tree })
end

local function isExpired(caller, tree)
  local updated = redis.call('ZSCORE', trees, memberOf(caller, tree))
  return updated == false or tonumber(updated) < ask.oldest
end

local function drop(caller, id)
  local bytes = redis.call('HGET', nameOf(caller, id), 'bytes')
  redis.call('DEL', nameOf(caller, id))
  if bytes then redis.call('INCRBY', total, -tonumber(bytes)) end
end

local function dropTree(member)
  local caller, tree = unpack(cjson.decode(member))
  for _, id in ipairs(redis.call('SMEMBERS', treeName(caller, tree))) do drop(caller, id) end
  redis.call('DEL', treeName(caller, tree))
  redis.call('ZREM', trees, member)
end

local operations = {}

function operations.remember()
  -- It was deleted with its session while it was made: see `wish` of the streams.
  if not ask.owner and redis.call('EXISTS', key('pw', ask.id)) == 1 then return 0 end
  local caller, tree = ask.caller, ask.id
  if ask.previous then tree = redis.call('HGET', nameOf(caller, ask.previous), 'tree') or tree end
  local bytes = #ARGV[3] + #ARGV[4] + #ARGV[5]
  -- Of one that was kept, but not told so, and comes again.
  local before = tonumber(redis.call('HGET', nameOf(caller, ask.id), 'bytes') or '0')
  redis.call('HSET', nameOf(caller, ask.id), 'previous', ask.previous or '', 'tree', tree, 'response', ARGV[3],
    'output', ARGV[4], 'input', ARGV[5], 'owner', ask.owner or '', 'bytes', bytes)
  redis.call('INCRBY', total, bytes - before)
  redis.call('SADD', treeName(caller, tree), ask.id)
  redis.call('ZADD', trees, whole(now), memberOf(caller, tree))
  keep(treeName(caller, tree))
  for _, id in ipairs(redis.call('SMEMBERS', treeName(caller, tree))) do keep(nameOf(caller, id)) end
  return 1
end

function operations.change()
  local name = nameOf(ask.caller, ask.id)
  local before = redis.call('HMGET', name, 'bytes', 'response', 'output')
  if not before[1] then return 0 end
  local grown = #ARGV[3] + #ARGV[4] - #before[2] - #before[3]
  redis.call('HSET', name, 'response', ARGV[3], 'output', ARGV[4], 'bytes', tonumber(before[1]) + grown)
  redis.call('INCRBY', total, grown)
  return 1
end

local function stepOf(id)
  local found = redis.call('HMGET', nameOf(ask.caller, id), 'previous', 'input', 'output', 'response', 'owner', 'tree')
  if not found[6] then return nil end
  return { id, found[1], found[2], found[3], found[4], found[5], found[6] }
end

function operations.find()
  local step = stepOf(ask.id)
  if step == nil or isExpired(ask.caller, step[7]) then return {} end
  local owner = step[6]
  local runsElsewhere = owner ~= '' and owner ~= ask.owner and isAlive(owner)
  return { step[1], step[2], step[3], step[4], step[5], runsElsewhere and processOf(owner) or '' }
end

function operations.findPath()
  local step = stepOf(ask.id)
  if step == nil or isExpired(ask.caller, step[7]) then return {} end
  local path = {}
  -- A response names only one that was there before it, so that there are no circles; the bound is for all who wait meanwhile.
  while step and #path < mostSteps do
    table.insert(path, 1, { step[1], step[2], step[3], step[4] })
    step = step[2] ~= '' and stepOf(step[2]) or nil
  end
  return path
end

function operations.forget()
  local step = stepOf(ask.id)
  if step == nil then return 0 end
  local tree = step[7]
  local wasThere = not isExpired(ask.caller, tree)
  drop(ask.caller, ask.id)
  redis.call('SREM', treeName(ask.caller, tree), ask.id)
  if redis.call('EXISTS', treeName(ask.caller, tree)) == 0 then redis.call('ZREM', trees, memberOf(ask.caller, tree)) end
  return wasThere and 1 or 0
end

function operations.linkSession()
  local deletedAt = redis.call('GET', key('rd', joined(ask.caller, ask.session)))
  if deletedAt and serverNow - ask.age < tonumber(deletedAt) then return 0 end
  local name = key('rl', joined(ask.caller, ask.session))
  redis.call('SADD', name, ask.id)
  keep(name)
  return 1
end

function operations.takeSession()
  local name = key('rl', joined(ask.caller, ask.session))
  local ids = redis.call('SMEMBERS', name)
  redis.call('DEL', name)
  -- For those that are made just then, at most half an hour.
  redis.call('SET', key('rd', joined(ask.caller, ask.session)), whole(serverNow), 'PX', deletedMs)
  return ids
end

function operations.sweep()
  local expired = redis.call('ZRANGEBYSCORE', trees, '-inf', '(' .. whole(ask.oldest), 'LIMIT', 0, ask.limit)
  for _, member in ipairs(expired) do dropTree(member) end
  return #expired
end

-- @returns how many trees went; 0 when there is room, or nothing is left
function operations.makeRoom()
  local dropped = 0
  while dropped < ask.limit and tonumber(redis.call('GET', total) or '0') > ask.mostBytes do
    local oldest = redis.call('ZRANGE', trees, 0, 0)[1]
    if oldest == nil then
      redis.call('DEL', total)
      break
    end
    dropTree(oldest)
    dropped = dropped + 1
  end
  return dropped
end

return operations[ask.operation]()
