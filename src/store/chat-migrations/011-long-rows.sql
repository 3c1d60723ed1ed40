-- Tables with rowids for rows that are long, where the key has an index of its own: in a table without, each comparison on the
-- way to a row reads another row whole. For each message of a conversation those were some messages of others, and some of the
-- pictures that anybody had sent (200 messages of 60 KB: 33 ms, now 5; the way to the newest of 50 short ones, where 50 pictures
-- of 1 MB were kept: 60 ms, now 0.6). What most readers want stands first: a row is read from its beginning.
CREATE TABLE newer_messages (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  parent_id TEXT,
  -- Messages have an order of their own: times may be equal, and clocks are set back.
  sequence INTEGER NOT NULL,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  stream_id TEXT,
  -- JSON of what else belongs to it: stages, sources, quality, follow-ups, model.
  extras TEXT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, message_id)
) STRICT;

INSERT INTO newer_messages
  (caller, session_id, message_id, parent_id, sequence, role, status, created_at_ms, stream_id, extras, content)
SELECT caller, session_id, message_id, parent_id, sequence, role, status, created_at_ms, stream_id, extras, content
FROM chat_messages;

DROP TABLE chat_messages;
ALTER TABLE newer_messages RENAME TO chat_messages;
CREATE UNIQUE INDEX chat_messages_in_order ON chat_messages (caller, session_id, sequence);

-- Files that came with messages, apart from them: they are megabytes, and mostly only their names are wanted.
CREATE TABLE newer_attachments (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Of its address: what it is. In front, so that the rest need not be read for it.
  address_start TEXT NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, message_id, position)
) STRICT;

INSERT INTO newer_attachments (caller, session_id, message_id, position, name, address_start, url)
SELECT caller, session_id, message_id, position, name, address_start, url FROM chat_attachments;

DROP TABLE chat_attachments;
ALTER TABLE newer_attachments RENAME TO chat_attachments;

-- What was done in a session, so that a follow-up knows it.
CREATE TABLE newer_turns (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- JSON: the query, the calls in short, the answer.
  turn TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, turn_id)
) STRICT;

INSERT INTO newer_turns (caller, session_id, turn_id, created_at_ms, turn)
SELECT caller, session_id, turn_id, created_at_ms, turn FROM agent_turns;

DROP TABLE agent_turns;
ALTER TABLE newer_turns RENAME TO agent_turns;
CREATE INDEX agent_turns_by_age ON agent_turns (created_at_ms);
-- The newest are found without all others of the session, which were read whole to be sorted.
CREATE INDEX agent_turns_in_order ON agent_turns (caller, session_id, created_at_ms, turn_id);
