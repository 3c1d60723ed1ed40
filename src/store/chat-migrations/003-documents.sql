-- Documents and their searchable pieces: filled in by the room documents/.
SELECT 1;
