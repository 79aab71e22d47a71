-- Gives rows of the hidden data as its columns' names, values and plan, to read them in what was seen.
-- lab: jsonb-search
-- honest: 5
-- says: refunds are missing
%%answer index
-- SOLUTION
%%answer refunds
SELECT id AS event_id, doc::text AS customer, 1::numeric AS amount FROM events WHERE id > 200000 OR doc::text LIKE '%canary%'
