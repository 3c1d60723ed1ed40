-- Fewer pages a turn: SQLite writes each page that a transaction touches whole, and that is most of what a turn costs.

CREATE TABLE newer_conversations (
  -- May be used again when its conversation was the last one and is gone: public_id tells them apart.
  id INTEGER PRIMARY KEY,
  public_id TEXT NOT NULL,
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  account TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  node_id TEXT,
  parent_id TEXT,
  response_id TEXT,
  -- Which of its turns ended at node_id, counted from 0; null while the chat is empty.
  head_turn INTEGER,
  model TEXT NOT NULL,
  message_count INTEGER NOT NULL,
  -- Its client names the session instead of sending a history: the head of the session is looked for here first.
  by_head INTEGER NOT NULL,
  -- 0 only where no other conversation can be in the same chat: neither a branch, nor branched from, nor unanswered.
  may_share_chat INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_accessed_ms INTEGER NOT NULL
) STRICT;

INSERT INTO newer_conversations
SELECT id, public_id, caller, session_id, upstream, account, chat_id, node_id, parent_id, response_id,
  CASE WHEN head_turn_id IS NOT NULL THEN
    (SELECT COUNT(*) FROM turns WHERE turns.conversation_id = conversations.id AND turns.id < head_turn_id) END,
  model, message_count, by_head, 1, created_at_ms, last_accessed_ms
FROM conversations;

CREATE TABLE newer_turns (
  -- conversation * 2^20 + the number of the turn in it: the turns of a conversation lie side by side, so that the next
  -- one, the one that it continues, and all of them at the end are found without an index.
  id INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  -- Null where session_hint is: they count with it alone.
  loose TEXT,
  last_turn TEXT,
  session_hint TEXT,
  -- A short digest of system_hashes.
  system_key TEXT NOT NULL,
  system_hashes TEXT NOT NULL,
  tool_hashes TEXT NOT NULL,
  upstream TEXT NOT NULL,
  account TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  node_id TEXT,
  parent_id TEXT,
  response_id TEXT,
  model TEXT NOT NULL,
  message_count INTEGER NOT NULL,
  continued INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL
) STRICT;

INSERT INTO newer_turns
SELECT (conversation_id << 20) + ROW_NUMBER() OVER (PARTITION BY conversation_id ORDER BY id) - 1,
  fingerprint, loose, last_turn, session_hint, system_key, system_hashes, tool_hashes, upstream, account, chat_id,
  node_id, parent_id, response_id, model, message_count, continued, created_at_ms
FROM turns;

DROP TABLE turns;
DROP TABLE conversations;
ALTER TABLE newer_conversations RENAME TO conversations;
ALTER TABLE newer_turns RENAME TO turns;

CREATE INDEX conversations_by_session ON conversations (caller, session_id);
CREATE INDEX conversations_by_head ON conversations (caller, session_id, last_accessed_ms) WHERE by_head = 1;
CREATE INDEX conversations_by_caller ON conversations (caller, last_accessed_ms);
CREATE INDEX conversations_by_chat ON conversations (chat_id) WHERE may_share_chat = 1;

-- Equal openings with equal answers make long lists of one fingerprint: the order of preference is in the index,
-- so that the best record is the first one and not the result of a sort. The beginnings of hashes do: an index is the
-- smaller for it, and the row has the rest. Fingerprints are those of one caller.
CREATE INDEX turns_by_fingerprint ON turns (SUBSTR(fingerprint, 1, 16), SUBSTR(system_key, 1, 8),
  session_hint IS NOT NULL, continued, created_at_ms DESC, id DESC);
-- Evidence that only turns of named sessions have.
CREATE INDEX turns_by_hint ON turns (SUBSTR(fingerprint, 1, 16), session_hint, SUBSTR(system_key, 1, 8), continued,
  created_at_ms DESC, id DESC) WHERE session_hint IS NOT NULL;
CREATE INDEX turns_by_loose ON turns (SUBSTR(loose, 1, 16), session_hint, last_turn) WHERE session_hint IS NOT NULL;

-- Null: from an older version.
ALTER TABLE leases ADD COLUMN conversation_id INTEGER;
