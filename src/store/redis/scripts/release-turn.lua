-- Gives a chat back without a turn.

freeLease(chatName(ask.upstream, ask.account, ask.chat), ask.claim, ask.owner, ask.settle)
local conversation = loadConversation(ask.conversation)
if conversation then touch(conversation) end
return 1
