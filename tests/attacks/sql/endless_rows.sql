-- Gives rows without end, and rows that are larger than memory.
-- lab: jsonb-search
-- honest: 4
-- says: rows, more than is read
-- series: full
%%answer index
-- SOLUTION
%%answer refunds
SELECT g AS event_id, repeat('x', 1000) AS customer, 0::numeric AS amount FROM generate_series(1, 300000) AS g
