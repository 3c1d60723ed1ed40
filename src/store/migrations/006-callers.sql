-- API keys, as digests, and what callers used: amounts within windows, and replies that run.

CREATE TABLE api_keys (
  -- The beginning of the key; the rest is known to its owner alone.
  prefix TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  -- SHA-256 of the whole key.
  digest BLOB NOT NULL,
  -- JSON texts.
  scopes TEXT NOT NULL,
  limits TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_name ON api_keys (name) WHERE revoked_at_ms IS NULL;

-- One row, by which a running gateway sees that keys have changed.
CREATE TABLE api_keys_revision (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
) STRICT;

INSERT INTO api_keys_revision (id, revision) VALUES (1, 0);

CREATE TRIGGER api_key_added AFTER INSERT ON api_keys BEGIN
  UPDATE api_keys_revision SET revision = revision + 1;
END;

CREATE TRIGGER api_key_changed AFTER UPDATE ON api_keys BEGIN
  UPDATE api_keys_revision SET revision = revision + 1;
END;

CREATE TRIGGER api_key_removed AFTER DELETE ON api_keys BEGIN
  UPDATE api_keys_revision SET revision = revision + 1;
END;

CREATE TABLE amounts (
  subject TEXT NOT NULL,
  kind TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (subject, kind, start_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX amounts_by_start ON amounts (kind, start_ms);

CREATE TABLE running_replies (
  subject TEXT NOT NULL,
  -- One open store: a process may have several, such as while another one takes its place.
  holder TEXT NOT NULL,
  owner_host TEXT NOT NULL,
  owner_pid INTEGER NOT NULL,
  owner_started_ms INTEGER NOT NULL,
  held INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (subject, holder)
) STRICT, WITHOUT ROWID;
