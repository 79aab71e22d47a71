-- Reads what others do on the server: their statements, their roles' passwords, the databases' statistics.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied for (view|table)
DO $$ DECLARE said text; BEGIN
    SELECT string_agg(query, ' ') INTO said FROM pg_stat_activity WHERE query LIKE '%canary%' AND pid <> pg_backend_pid();
    IF said IS NOT NULL THEN RAISE EXCEPTION '%', said; END IF;
END $$;
SELECT rolname, rolpassword FROM pg_authid;
