-- Responses that their clients refer to: a tree, in which each follows the one that `previous_id` names.
CREATE TABLE responses (
  caller TEXT NOT NULL,
  response_id TEXT NOT NULL,
  -- NULL at the beginning of a conversation.
  previous_id TEXT,
  -- The id of the first of its tree. All of a tree expire together.
  thread_id TEXT NOT NULL,
  -- JSON of the response as its client was told it, but for its items: what repeats the request may be tens of kilobytes,
  -- and is not wanted by those that go on from it.
  response TEXT NOT NULL,
  -- JSON of the items that it answers and no earlier one did, and of those that it consists of.
  input TEXT NOT NULL,
  output TEXT NOT NULL,
  -- JSON of the process that began it in the background; NULL where somebody waited for it.
  owner TEXT,
  PRIMARY KEY (caller, response_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX responses_by_thread ON responses (caller, thread_id);

CREATE TABLE response_threads (
  caller TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (caller, thread_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_threads_by_age ON response_threads (updated_at_ms);
