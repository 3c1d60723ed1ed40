-- Accounts of upstreams: what they send along is sealed, only their names and states can be read.

CREATE TABLE accounts (
  upstream TEXT NOT NULL,
  id TEXT NOT NULL,
  alias TEXT NOT NULL,
  -- Null: an account of the environment or the file, of which only the state is kept.
  sealed BLOB,
  -- Grows with each change of sealed, also when a removed account comes back. 0 while sealed is null.
  revision INTEGER NOT NULL,
  -- JSON text of the room of credentials.
  state TEXT NOT NULL,
  -- Who renews the credentials just now.
  lease_holder TEXT,
  lease_until_ms INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (upstream, id)
) STRICT, WITHOUT ROWID;
