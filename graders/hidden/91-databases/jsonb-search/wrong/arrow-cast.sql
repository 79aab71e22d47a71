-- fails: test_finds_the_refunds — the JSON value is cast, which a JSON string cannot be
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc @> '{"event": {"kind": "refund"}}' AND (doc #> '{refund,amount}')::numeric >= 100
