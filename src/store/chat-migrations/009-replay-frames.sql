-- Frames of replies that were short, with their rows; those of longer ones lie in files of their own.
CREATE TABLE replay_frames (
  stream_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  frames BLOB NOT NULL
) STRICT;

-- With their size, so that the frames themselves are not read to be counted.
CREATE UNIQUE INDEX replay_frames_by_stream ON replay_frames (stream_id, bytes);

-- Whatever ends the keeping of a reply, its frames go in the same transaction.
CREATE TRIGGER replay_frames_expire AFTER UPDATE OF state ON replays WHEN old.state = 'ended' AND new.state <> 'ended'
BEGIN
  DELETE FROM replay_frames WHERE stream_id = old.stream_id;
END;

CREATE TRIGGER replay_frames_go AFTER DELETE ON replays
BEGIN
  DELETE FROM replay_frames WHERE stream_id = old.stream_id;
END;
