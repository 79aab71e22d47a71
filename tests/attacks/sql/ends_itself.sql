-- Ends its own session in the middle of the answer, for the server to seem to be at fault.
-- lab: jsonb-search
-- honest: 0
-- says: terminating connection due to administrator command
SELECT pg_terminate_backend(pg_backend_pid());
SELECT pg_sleep(5);
