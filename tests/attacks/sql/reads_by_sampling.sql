-- Reads the whole table as a sample of 100 %, and an index for show.
-- lab: jsonb-search
-- honest: 9
-- says: The whole table is read for a few hundred rows
%%answer index
CREATE INDEX ON events USING gin (doc jsonb_path_ops);
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events TABLESAMPLE SYSTEM (100)
WHERE doc #>> '{event,kind}' = 'refund' AND (doc #>> '{refund,amount}')::numeric >= 100
  AND (SELECT count(*) FROM events WHERE doc @> '{"order": {"id": 1}}') >= 0;
