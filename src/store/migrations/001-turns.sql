-- Conversations, their finished turns, and the leases of chats in which a turn runs.

CREATE TABLE conversations (
  -- AUTOINCREMENT: a claim in memory may outlive its conversation and must not meet another under the same number.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  public_id TEXT NOT NULL,
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  account TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  node_id TEXT,
  parent_id TEXT,
  response_id TEXT,
  -- The turn that ended at node_id; null while the chat is empty.
  head_turn_id INTEGER,
  model TEXT NOT NULL,
  message_count INTEGER NOT NULL,
  -- Its client names the session instead of sending a history: the head of the session is looked for here first.
  by_head INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_accessed_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX conversations_by_session ON conversations (caller, session_id, last_accessed_ms);
CREATE INDEX conversations_by_head ON conversations (caller, session_id, last_accessed_ms) WHERE by_head = 1;
CREATE INDEX conversations_by_caller ON conversations (caller, last_accessed_ms);
CREATE INDEX conversations_by_access ON conversations (last_accessed_ms);
CREATE INDEX conversations_by_chat ON conversations (chat_id);

CREATE TABLE turns (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation_id INTEGER NOT NULL,
  caller TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  loose TEXT NOT NULL,
  last_turn TEXT NOT NULL,
  session_hint TEXT,
  -- A short digest of system_hashes, so that the indexes stay narrow.
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

-- Equal openings with equal answers make long lists of one fingerprint: the order of preference is in the index,
-- so that the best record is the first one and not the result of a sort.
CREATE INDEX turns_by_hint ON turns (caller, fingerprint, session_hint, system_key, continued, id DESC);
CREATE INDEX turns_by_system ON turns (caller, fingerprint, system_key, continued, id DESC);
CREATE INDEX turns_by_loose ON turns (caller, loose, session_hint, last_turn);
CREATE INDEX turns_by_conversation ON turns (conversation_id);

-- Only chats that run, settle, or were left running by a dead process have a row.
CREATE TABLE leases (
  upstream TEXT NOT NULL,
  account TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  -- Fences: whoever was taken over finds another claim here. Null when free.
  claim_id TEXT,
  owner_host TEXT NOT NULL,
  owner_pid INTEGER NOT NULL,
  owner_started_ms INTEGER NOT NULL,
  leased_until_ms INTEGER NOT NULL,
  ready_at_ms INTEGER NOT NULL,
  -- The reply that runs; kept when its process died, until the next claim has been told.
  reply_node_id TEXT,
  reply_parent_id TEXT,
  reply_response_id TEXT,
  PRIMARY KEY (upstream, account, chat_id)
) STRICT, WITHOUT ROWID;
