-- When the last of an amount came: what lies exactly a minute back counts no more, and nothing sooner.

ALTER TABLE amounts ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0;

-- Minutes were counted whole. What such a row holds may all have come at the end of it.
UPDATE amounts SET start_ms = start_ms + 59000, last_ms = start_ms + 59999 WHERE kind IN ('requests/minute', 'tokens/minute');
