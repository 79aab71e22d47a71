-- fails: test_reads_through_the_index — the operator that everyone knows, which no GIN index serves
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc #>> '{event,kind}' = 'refund' AND (doc #>> '{refund,amount}')::numeric >= 100;
