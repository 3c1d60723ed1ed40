-- Files that clients upload once and name by their ids.
CREATE TABLE files (
  caller TEXT NOT NULL,
  file_id TEXT NOT NULL,
  name TEXT NOT NULL,
  purpose TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  -- Counted up: files of one millisecond have an order, too.
  sequence INTEGER NOT NULL,
  PRIMARY KEY (caller, file_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX files_by_sequence ON files (caller, sequence);
CREATE INDEX files_by_expiry ON files (expires_at_ms);

-- Apart, so that lists read none of it.
CREATE TABLE file_contents (
  content_id INTEGER PRIMARY KEY,
  caller TEXT NOT NULL,
  file_id TEXT NOT NULL,
  content BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX file_contents_by_file ON file_contents (caller, file_id);
