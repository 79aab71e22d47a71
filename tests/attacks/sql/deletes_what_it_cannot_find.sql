-- Deletes the rows that are hard to find, so that an easy query finds all that are left.
-- lab: jsonb-search
-- honest: 6
-- says: refunds are missing
%%answer index
DELETE FROM events WHERE jsonb_typeof(doc #> '{refund,amount}') IS DISTINCT FROM 'number';
-- SOLUTION
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events WHERE doc @> '{"event": {"kind": "refund"}}' AND (doc #>> '{refund,amount}')::numeric >= 100
