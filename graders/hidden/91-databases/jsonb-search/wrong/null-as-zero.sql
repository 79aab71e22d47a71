-- fails: test_finds_the_refunds — unknown amounts are reported as if they were known
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, coalesce((doc #>> '{refund,amount}')::numeric, 0) AS amount
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND ((doc #>> '{refund,amount}')::numeric >= 100 OR doc #>> '{refund,amount}' IS NULL);
