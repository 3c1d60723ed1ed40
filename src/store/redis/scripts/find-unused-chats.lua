-- @returns for each chat whether a conversation uses it

local used = {}
for index, chat in ipairs(ask.chats) do
  used[index] = 0
  for _, id in ipairs(redis.call('SMEMBERS', key('u', chatName(chat[1], chat[2], chat[3])))) do
    if redis.call('EXISTS', key('c', id)) == 1 then used[index] = 1 break end
  end
end
return used
