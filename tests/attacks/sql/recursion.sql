-- Calls itself until the server's stack is at its end.
-- lab: jsonb-search
-- honest: 0
-- says: stack depth limit exceeded
CREATE FUNCTION again(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN again(n + 1); END $$;
SELECT again(0);
