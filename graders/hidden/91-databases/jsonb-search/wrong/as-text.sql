-- fails: test_finds_the_refunds — the amount is compared before it is cast
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND doc #>> '{refund,amount}' >= '100'
