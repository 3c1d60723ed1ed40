-- What callers have given to be searched, and the pieces that are found. A document is `importing`, `ready` or
-- `removing`: its pieces come and go in many short transactions, and only those of a ready one are shown.
CREATE TABLE documents (
  document_key INTEGER PRIMARY KEY,
  document_id TEXT NOT NULL UNIQUE,
  caller TEXT NOT NULL,
  state TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  -- SHA-256 of the text.
  digest TEXT NOT NULL,
  -- Of the file as it came, and of its text in UTF-8.
  bytes INTEGER NOT NULL,
  text_bytes INTEGER NOT NULL,
  pieces INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- Of one that is not ready: when somebody last worked at it. Long ago: whoever did has died.
  touched_at_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX documents_by_text ON documents (caller, digest) WHERE state = 'ready';
CREATE INDEX documents_by_time ON documents (caller, created_at_ms);
CREATE INDEX documents_unfinished ON documents (touched_at_ms) WHERE state <> 'ready';

CREATE TABLE document_pieces (
  piece_key INTEGER PRIMARY KEY,
  document_key INTEGER NOT NULL,
  position INTEGER NOT NULL,
  -- Where it begins in the text, in UTF-16 units. Pieces overlap; together they are the whole text.
  start INTEGER NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX document_pieces_in_order ON document_pieces (document_key, position);

-- Of length 1, as 32-bit floats. Those of another model than the one in use are passed over.
CREATE TABLE document_vectors (
  piece_key INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  vector BLOB NOT NULL
) STRICT;

-- The row of a piece has its key. Words come normalised and between spaces, characters of scripts without spaces each
-- for itself, so that the tokenizer has nothing to decide. `scope` says whose piece it is, and of which document.
CREATE VIRTUAL TABLE document_words USING fts5 (
  scope,
  words,
  content = '',
  contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
);

INSERT INTO document_words (document_words, rank) VALUES ('rank', 'bm25(0.0, 1.0)');

-- Segments are merged step by step in transactions of their own. Left to FTS5, one of some dozen insertions merges for
-- 15 ms, and one deletion for 200 ms, while every other writer waits. A step is as long as what it writes: of segments that
-- are half deleted it reads twice as much, of one that is wholly deleted all.
INSERT INTO document_words (document_words, rank) VALUES ('automerge', 0);
INSERT INTO document_words (document_words, rank) VALUES ('crisismerge', 512);
INSERT INTO document_words (document_words, rank) VALUES ('deletemerge', 50);
