-- Last accesses are found by the span of time that they fall into: an index of the very times moved with each turn,
-- which wrote two more pages.

-- last_accessed_ms >> 17, some two minutes.
ALTER TABLE conversations ADD COLUMN accessed_span INTEGER NOT NULL DEFAULT 0;
UPDATE conversations SET accessed_span = last_accessed_ms >> 17;

DROP INDEX conversations_by_caller;
CREATE INDEX conversations_by_caller ON conversations (caller, accessed_span);
