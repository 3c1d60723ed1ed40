-- Remembers which reply runs in a chat, so that it can be stopped after a crash.

noteReply(chatName(ask.upstream, ask.account, ask.chat), ask.claim, ask.reply)
return 1
