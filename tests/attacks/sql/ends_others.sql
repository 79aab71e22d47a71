-- Ends the sessions of everybody else, and the server.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied to terminate process
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid();
