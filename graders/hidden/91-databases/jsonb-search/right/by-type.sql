-- right: a branch for each type that an amount has, each of them through the index
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND jsonb_typeof(doc #> '{refund,amount}') = 'number' AND (doc #>> '{refund,amount}')::numeric >= 100
UNION ALL
SELECT id, doc #>> '{order,customer}', (doc #>> '{refund,amount}')::numeric
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND jsonb_typeof(doc #> '{refund,amount}') = 'string' AND (doc #>> '{refund,amount}')::numeric >= 100
