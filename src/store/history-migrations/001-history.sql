-- Exchanges that have ended, in the order in which they did, and of some what was said. What is given up first, the
-- content, stands apart from what is given up last.
CREATE TABLE exchanges (
  exchange_key INTEGER PRIMARY KEY AUTOINCREMENT,
  exchange_id TEXT NOT NULL UNIQUE,
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  surface TEXT NOT NULL,
  model TEXT,
  upstream TEXT,
  account TEXT,
  session_id TEXT,
  -- Of HTTP, as its surface tells it; 499: the client hung up.
  status INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  error_kind TEXT,
  stream INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  first_token_ms INTEGER,
  total_ms INTEGER NOT NULL,
  input_tokens INTEGER,
  output_tokens INTEGER,
  is_estimated INTEGER NOT NULL,
  sent_bytes INTEGER NOT NULL,
  -- `none`: it was not to be kept; `kept`; `dropped`: it was, and made room for newer ones.
  content TEXT NOT NULL
) STRICT;

CREATE INDEX exchanges_of_caller ON exchanges (caller, exchange_key);
CREATE INDEX exchanges_by_end ON exchanges (ended_at_ms);
CREATE INDEX exchanges_by_session ON exchanges (caller, session_id, exchange_key) WHERE session_id IS NOT NULL;

-- Both are JSON.
CREATE TABLE contents (
  exchange_key INTEGER PRIMARY KEY,
  request TEXT NOT NULL,
  reply TEXT NOT NULL
) STRICT;

-- As for documents (chat-migrations/003-documents.sql): words come normalised, `scope` says whose exchange it is. Those of
-- one exchange are up to 256 rows, since to index a megabyte at once takes 25 ms: 256 times its key, and counting on.
CREATE VIRTUAL TABLE exchange_words USING fts5 (
  scope,
  words,
  content = '',
  contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
);

-- Merged step by step in transactions of their own, so that no insertion merges for long.
INSERT INTO exchange_words (exchange_words, rank) VALUES ('automerge', 0);
INSERT INTO exchange_words (exchange_words, rank) VALUES ('crisismerge', 512);
INSERT INTO exchange_words (exchange_words, rank) VALUES ('deletemerge', 20);
