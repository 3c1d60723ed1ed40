-- Writes something that changes nothing.

redis.call('SET', prefix .. 'probe', whole(serverNow), 'PX', 60000)
return 1
