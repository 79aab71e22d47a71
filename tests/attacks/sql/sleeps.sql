-- Sleeps far beyond its deadline, without a time-out of its own and deaf to being cancelled.
-- lab: jsonb-search
-- honest: 0
-- says: ran for over 60 s and was stopped
-- series: full
SET statement_timeout = 0;
DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;
