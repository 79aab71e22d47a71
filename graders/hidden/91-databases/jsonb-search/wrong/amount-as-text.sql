-- fails: test_columns — the amount is left as text
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, doc #>> '{refund,amount}' AS amount
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND (doc #>> '{refund,amount}')::numeric >= 100;
