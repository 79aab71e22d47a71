-- fails: test_finds_the_refunds — searching in the text finds requests and notes, too
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc::text LIKE '%refund%' AND (doc #>> '{refund,amount}')::numeric >= 100;
