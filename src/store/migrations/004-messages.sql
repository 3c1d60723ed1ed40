-- What was said in conversations whose client sends only its newest message and whose upstream remembers nothing.
CREATE TABLE messages (
  -- public_id of the conversation: its number may be used again.
  conversation_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  -- One message as the contract has it.
  json TEXT NOT NULL,
  PRIMARY KEY (conversation_id, position)
) STRICT, WITHOUT ROWID;
