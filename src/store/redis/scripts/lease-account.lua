-- Lets one holder at a time renew the credentials of an account. @returns 0 while another one does

local name = key('al', joined(ask.upstream, ask.id))
local lease = redis.call('HMGET', name, 'holder', 'until')
if lease[1] and lease[1] ~= ask.holder and tonumber(lease[2]) > now then return 0 end
redis.call('HSET', name, 'holder', ask.holder, 'until', whole(now + ask.lease))
redis.call('PEXPIRE', name, whole(ask.lease + 60000))
return 1
