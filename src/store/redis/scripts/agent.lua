-- Questions of the agent to a person, and what was done in a session.

-- How long an expired question is told from one that never was.
local expiredKeptMs = 86400000
local mostTurns = 1000

local question = key('aq', joined(ask.caller or '', ask.id or ''))
local turns = joined(ask.caller or '', ask.session or '')

local operations = {}

function operations.ask()
  redis.call('HSET', question, 'kind', ask.kind, 'state', 'waiting', 'created', whole(ask.created),
    'expires', whole(ask.expires), 'plan', ARGV[3])
  redis.call('PEXPIRE', question, whole(math.max(1, ask.expires - now) + expiredKeptMs))
  return 1
end

function operations.findQuestion()
  return redis.call('HMGET', question, 'kind', 'state', 'created', 'expires', 'plan')
end

-- By one answer only, wherever it comes in.
function operations.takeQuestion()
  local found = redis.call('HMGET', question, 'state', 'expires')
  if found[1] ~= 'waiting' or tonumber(found[2]) <= now then return 0 end
  redis.call('HSET', question, 'state', ask.state)
  redis.call('HDEL', question, 'plan')
  return 1
end

function operations.rememberTurn()
  redis.call('ZADD', key('at', turns), 'NX', whole(now), ask.turn)
  redis.call('HSET', key('ax', turns), ask.turn, ARGV[3])
  for _, oldest in ipairs(redis.call('ZRANGE', key('at', turns), 0, -mostTurns - 1)) do
    redis.call('ZREM', key('at', turns), oldest)
    redis.call('HDEL', key('ax', turns), oldest)
  end
  keep(key('at', turns))
  keep(key('ax', turns))
  return 1
end

function operations.findTurns()
  local texts = {}
  local newest = redis.call('ZREVRANGEBYSCORE', key('at', turns), '+inf', whole(ask.oldest), 'LIMIT', 0, ask.limit)
  for index, turn in ipairs(newest) do texts[index] = redis.call('HGET', key('ax', turns), turn) end
  return texts
end

return operations[ask.operation]()
