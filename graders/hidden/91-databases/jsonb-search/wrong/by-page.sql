-- fails: test_reads_through_the_index — three fifths of the table page by page, and only the rest through the index
%%answer refunds
WITH cut AS MATERIALIZED (SELECT ('(' || pg_relation_size('events') / 8192 * 6 / 10 || ',0)')::tid AS page)
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE ctid < (SELECT page FROM cut) AND doc #>> '{event,kind}' = 'refund' AND (doc #>> '{refund,amount}')::numeric >= 100
UNION ALL
SELECT id, doc #>> '{order,customer}', (doc #>> '{refund,amount}')::numeric
FROM events
WHERE ctid >= (SELECT page FROM cut) AND doc @> '{"event": {"kind": "refund"}}' AND (doc #>> '{refund,amount}')::numeric >= 100;
