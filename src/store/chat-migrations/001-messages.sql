-- What was said in the typed chat, as a tree: a message follows the one that `parent_id` names.
CREATE TABLE chat_messages (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  parent_id TEXT,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  stream_id TEXT,
  content TEXT NOT NULL,
  -- JSON of what else belongs to it: stages, sources, quality, follow-ups, model, attachments.
  extras TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE chat_sessions (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  title TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (caller, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_sessions_by_time ON chat_sessions (caller, updated_at_ms);
CREATE INDEX chat_sessions_by_age ON chat_sessions (updated_at_ms);
