-- Writes what was sealed anew, all of it or none. @returns "changed" when one is not as it was read

for _, seen in ipairs(ask.seen) do
  local text = redis.call('HGET', key('a', seen.upstream), seen.id)
  local untilMs = redis.call('HGET', key('al', joined(seen.upstream, seen.id)), 'until')
  if not text or cjson.decode(text).revision ~= seen.revision or tonumber(untilMs or '0') > now then return 'changed' end
end
for _, change in ipairs(ask.changes) do
  local name = key('a', change.upstream)
  local account = cjson.decode(redis.call('HGET', name, change.id))
  account.sealed = change.sealed
  account.revision = raise('accounts-revision')
  redis.call('HSET', name, change.id, cjson.encode(account))
end
return 'resealed'
