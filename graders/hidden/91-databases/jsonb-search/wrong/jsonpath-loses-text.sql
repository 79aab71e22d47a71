-- fails: test_finds_the_refunds — in jsonpath a string never compares with a number, so old clients' refunds are lost
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc @@ '$.event.kind == "refund" && $.refund.amount >= 100';
