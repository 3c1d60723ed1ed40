-- Messages have an order of their own: times may be equal, and clocks are set back.
ALTER TABLE chat_messages ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;

UPDATE chat_messages SET sequence = ordered.sequence
FROM (
  SELECT caller, session_id, message_id,
    row_number() OVER (PARTITION BY caller, session_id ORDER BY created_at_ms, role DESC) AS sequence
  FROM chat_messages
) AS ordered
WHERE chat_messages.caller = ordered.caller AND chat_messages.session_id = ordered.session_id
  AND chat_messages.message_id = ordered.message_id;

CREATE UNIQUE INDEX chat_messages_in_order ON chat_messages (caller, session_id, sequence);

-- Files that came with messages, apart from them: they are megabytes, and mostly only their names are wanted.
CREATE TABLE chat_attachments (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Of its address: what it is. In front, so that the rest need not be read for it.
  address_start TEXT NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, message_id, position)
) STRICT, WITHOUT ROWID;

INSERT INTO chat_attachments (caller, session_id, message_id, position, name, address_start, url)
SELECT m.caller, m.session_id, m.message_id, a.key, a.value ->> 'name', substr(a.value ->> 'url', 1, 300),
  a.value ->> 'url'
FROM chat_messages m, json_each(m.extras, '$.attachments') a;

UPDATE chat_messages SET extras = json_remove(extras, '$.attachments')
WHERE json_type(extras, '$.attachments') IS NOT NULL;
