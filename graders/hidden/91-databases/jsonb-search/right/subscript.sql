-- right: subscripts, and the index made by hand-written steps
%%answer index
SET maintenance_work_mem = '64MB';
CREATE INDEX events_gin ON events USING gin (doc jsonb_path_ops) WITH (fastupdate = off);
ANALYZE events;
%%answer refunds
SELECT id AS event_id, doc['order']['customer'] #>> '{}' AS customer, (doc['refund']['amount'] #>> '{}')::numeric AS amount
FROM events
WHERE doc @> jsonb_build_object('event', jsonb_build_object('kind', 'refund'))
  AND (doc['refund']['amount'] #>> '{}')::numeric >= 100.00
