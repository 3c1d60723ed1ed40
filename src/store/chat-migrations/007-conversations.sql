-- Conversations that their clients keep by name: items in the order in which they were said.
CREATE TABLE conversations (
  caller TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- JSON of what the client notes about it.
  metadata TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (caller, conversation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversations_by_age ON conversations (updated_at_ms);

CREATE TABLE conversation_items (
  caller TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- Counted up; that of an item that was deleted is not given again as long as a later one is there.
  position INTEGER NOT NULL,
  item_id TEXT NOT NULL,
  -- JSON of it.
  item TEXT NOT NULL,
  PRIMARY KEY (caller, conversation_id, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX conversation_items_by_id ON conversation_items (caller, conversation_id, item_id);

-- Which responses were made in which session of the gateway's own: they go with it.
CREATE TABLE response_sessions (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  response_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (caller, session_id, response_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_sessions_by_age ON response_sessions (created_at_ms);
