-- Joins the table with itself, and again, and again.
-- lab: jsonb-search
-- honest: 4
-- says: ran for over 60 s and was stopped
-- series: full
%%answer index
-- SOLUTION
%%answer refunds
SELECT count(*) AS event_id, '' AS customer, 0::numeric AS amount FROM events AS a, events AS b, events AS c
