-- Replies that outlive their readers: filled in by the room replay/.
SELECT 1;
