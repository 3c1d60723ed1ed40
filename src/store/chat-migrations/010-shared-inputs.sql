-- Responses whose input begins as that of another one: their rows hold only what follows. Apart from `responses`, where what
-- stands behind tens of kilobytes is read through all of them.
CREATE TABLE response_shares (
  caller TEXT NOT NULL,
  response_id TEXT NOT NULL,
  -- Of the same tree, and there: whatever is deleted hands its items on.
  shares_id TEXT NOT NULL,
  -- So many of its items, from the first on, those that it shares itself among them.
  shares_count INTEGER NOT NULL,
  PRIMARY KEY (caller, response_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_shares_by_shared ON response_shares (caller, shares_id);
