-- Rows of tens of kilobytes in a table with rowids, where the key has an index of its own: in a table without, each comparison on
-- the way to a row reads another row whole (57 ms to go through a line of 200 responses, of 60 KB each). And what most readers
-- want stands first: a row is read from its beginning.
CREATE TABLE newer_responses (
  caller TEXT NOT NULL,
  response_id TEXT NOT NULL,
  -- NULL at the beginning of a conversation.
  previous_id TEXT,
  -- The id of the first of its tree. All of a tree expire together.
  thread_id TEXT NOT NULL,
  -- JSON of the process that began it in the background; NULL where somebody waited for it.
  owner TEXT,
  -- JSON of the items that it answers and no earlier one did, and of those that it consists of.
  input TEXT NOT NULL,
  output TEXT NOT NULL,
  -- JSON of the response as its client was told it, but for its items. Last: those that go on from it do not want it.
  response TEXT NOT NULL,
  PRIMARY KEY (caller, response_id)
) STRICT;

INSERT INTO newer_responses (caller, response_id, previous_id, thread_id, owner, input, output, response)
SELECT caller, response_id, previous_id, thread_id, owner, input, output, response FROM responses;

DROP TABLE responses;
ALTER TABLE newer_responses RENAME TO responses;
CREATE INDEX responses_by_thread ON responses (caller, thread_id);
