-- Replies that outlive their readers. Their frames lie in files of their own.
CREATE TABLE replays (
  stream_id TEXT NOT NULL PRIMARY KEY,
  caller TEXT NOT NULL,
  -- running, ended, too-long, not-kept or expired.
  state TEXT NOT NULL,
  owner_host TEXT NOT NULL,
  owner_pid INTEGER NOT NULL,
  owner_started_ms INTEGER NOT NULL,
  -- When its process last said that it lives.
  renewed_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- Both NULL while it runs.
  ended_at_ms INTEGER,
  expires_at_ms INTEGER,
  -- 1: its process died, so the file has no end.
  interrupted INTEGER NOT NULL DEFAULT 0,
  -- Of the file; 0 when there is none.
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_by_state ON replays (state, ended_at_ms);
CREATE INDEX replays_running ON replays (created_at_ms) WHERE ended_at_ms IS NULL;
CREATE INDEX replays_by_expiry ON replays (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
