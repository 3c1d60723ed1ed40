-- Which streams can be read once more, and what was sent of them.

local running, ended = prefix .. 'replays-running', prefix .. 'replays-ended'
-- By when they expire, or did.
local expiring, expired = prefix .. 'replays-expiring', prefix .. 'replays-expired'
local name = key('pi', ask.id or '')
local spool = key('ps', ask.id or '')

local fields = { 'caller', 'state', 'owner', 'interrupted', 'created', 'expires', 'bytes' }

local function recordOf(id)
  local found = redis.call('HMGET', key('pi', id), unpack(fields))
  if not found[1] then return nil end
  local owner = found[3]
  found[3] = owner == ask.owner and 'this process' or (isAlive(owner) and 'another process' or 'dead')
  table.insert(found, 1, id)
  table.insert(found, processOf(owner))
  return found
end

local function recordsOf(index, ids)
  local records = {}
  for _, id in ipairs(ids) do
    local record = recordOf(id)
    if record then table.insert(records, record) else redis.call('ZREM', index, id) end
  end
  return records
end

local function expire(id)
  if redis.call('EXISTS', key('pi', id)) == 0 then return end
  redis.call('ZREM', ended, id)
  redis.call('UNLINK', key('ps', id))
  redis.call('HSET', key('pi', id), 'state', 'expired', 'bytes', 0)
  local dueAt = redis.call('ZSCORE', expiring, id)
  -- One that runs is forgotten some time after its end.
  if not dueAt then return end
  redis.call('ZADD', expired, dueAt, id)
  redis.call('ZREM', expiring, id)
end

local operations = {}

function operations.begin()
  if redis.call('EXISTS', name) == 1 then return 0 end
  -- It was deleted before it was noted: its process is about to see that, and ends it.
  local state = redis.call('EXISTS', key('pw', ask.id)) == 1 and 'not-kept' or 'running'
  redis.call('HSET', name, 'caller', ask.caller, 'state', state, 'owner', ask.owner, 'interrupted', 0,
    'created', whole(ask.created), 'expires', '', 'bytes', 0)
  redis.call('ZADD', running, whole(ask.created), ask.id)
  keep(name)
  return 1
end

function operations.giveUp()
  if redis.call('ZSCORE', running, ask.id) then redis.call('HSET', name, 'state', ask.state) end
  return 1
end

function operations.finish()
  if not redis.call('ZSCORE', running, ask.id) then return 0 end
  redis.call('ZREM', running, ask.id)
  if redis.call('HGET', name, 'state') == 'running' then redis.call('HSET', name, 'state', ask.state) end
  redis.call('HSET', name, 'interrupted', ask.interrupted, 'expires', whole(ask.expires), 'bytes', ask.bytes)
  local state = redis.call('HGET', name, 'state')
  redis.call('ZADD', state == 'expired' and expired or expiring, whole(ask.expires), ask.id)
  if state == 'ended' then redis.call('ZADD', ended, whole(ask.ended), ask.id) end
  return 1
end

function operations.find()
  return recordOf(ask.id) or {}
end

function operations.listRunning()
  return recordsOf(running, redis.call('ZRANGE', running, 0, -1))
end

function operations.listOldestEnded()
  return recordsOf(ended, redis.call('ZRANGE', ended, 0, ask.limit - 1))
end

function operations.expire()
  for _, id in ipairs(ask.ids) do expire(id) end
  return 1
end

function operations.sweep()
  for _, index in ipairs({ expiring, expired }) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', whole(ask.forgetBefore), 'LIMIT', 0, ask.limit)) do
      redis.call('UNLINK', key('pi', id), key('ps', id))
      redis.call('ZREM', index, id)
      redis.call('ZREM', ended, id)
    end
  end
  local due = redis.call('ZRANGEBYSCORE', expiring, '-inf', whole(ask.at), 'LIMIT', 0, ask.limit)
  for _, id in ipairs(due) do
    expire(id)
    -- Of one whose record has run out.
    redis.call('ZREM', expiring, id)
  end
  return due
end

function operations.findKept()
  local kept = {}
  for _, id in ipairs(ask.ids) do
    local state = redis.call('HGET', key('pi', id), 'state')
    if state == 'running' or state == 'ended' then table.insert(kept, id) end
  end
  return kept
end

function operations.append()
  redis.call('APPEND', spool, ARGV[3])
  keep(spool)
  return 1
end

function operations.read()
  return redis.call('GET', spool)
end

-- What comes, and how its stream is, at one moment.
function operations.follow()
  local found = redis.call('HMGET', name, 'state', 'owner', 'interrupted', 'bytes')
  local length = redis.call('STRLEN', spool)
  local state = 'interrupted'
  -- A piece that could not be written takes the others with it, or stands for all of them.
  if found[1] == 'running' and isAlive(found[2]) then state = length < ask.from and 'torn' or 'running' end
  if found[1] == 'ended' and found[3] == '0' then state = length < tonumber(found[4]) and 'torn' or 'whole' end
  return { redis.call('GETRANGE', spool, ask.from, -1), state }
end

-- Of whatever runs at one of the gateways: a stream, a response.
function operations.wish()
  redis.call('SET', key('pw', ask.id), 1, 'EX', 3600)
  return 1
end

function operations.takeWishes()
  local wished = {}
  for _, id in ipairs(ask.ids) do
    if redis.call('DEL', key('pw', id)) == 1 then table.insert(wished, id) end
  end
  return wished
end

function operations.remove()
  redis.call('UNLINK', spool)
  return 1
end

return operations[ask.operation]()
