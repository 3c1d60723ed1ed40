-- Questions of the agent that wait for a person. Whoever answers one takes it: the plan is carried out once.
CREATE TABLE agent_questions (
  question_id TEXT NOT NULL PRIMARY KEY,
  caller TEXT NOT NULL,
  -- plan, or elicitation: a tool server asks for data in the middle of a call that its process holds open.
  kind TEXT NOT NULL,
  -- waiting, approved, rejected or dropped.
  state TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  -- JSON of what goes on with the answer. NULL once it is answered.
  plan TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_questions_by_expiry ON agent_questions (expires_at_ms);

-- What was done in a session, so that a follow-up knows it.
CREATE TABLE agent_turns (
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- JSON: the query, the calls in short, the answer.
  turn TEXT NOT NULL,
  PRIMARY KEY (caller, session_id, turn_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_turns_by_age ON agent_turns (created_at_ms);

-- Every call of a tool, and every one that was refused. No arguments, no results.
CREATE TABLE agent_calls (
  call_key INTEGER PRIMARY KEY,
  caller TEXT NOT NULL,
  session_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  -- read, write or destructive.
  risk TEXT NOT NULL,
  -- unasked, approved, changed, rejected, denied or replaced.
  decision TEXT NOT NULL,
  -- SHA-256 of the arguments as canonical JSON.
  arguments_digest TEXT NOT NULL,
  -- Both NULL: it was not made, or its process died before it ended.
  duration_ms INTEGER,
  success INTEGER
) STRICT;

CREATE INDEX agent_calls_by_caller ON agent_calls (caller, created_at_ms);
CREATE INDEX agent_calls_by_age ON agent_calls (created_at_ms);
