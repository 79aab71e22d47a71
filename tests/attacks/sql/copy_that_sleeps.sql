-- Starts a COPY to the client which sends one row and then sleeps, without a time-out of its own.
-- lab: jsonb-search
-- honest: 0
-- says: ran for over 60 s and was stopped
-- series: full
SET statement_timeout = 0;
COPY (SELECT repeat('x', 20000), pg_sleep(CASE n WHEN 1 THEN 0 ELSE 100000 END) FROM generate_series(1, 2) AS n) TO STDOUT;
