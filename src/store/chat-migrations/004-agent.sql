-- Questions of the agent that wait for a person, what was done, and the audit log: filled in by the room agent/.
SELECT 1;
