-- fails: test_finds_the_refunds_in_other_data — a refund at any depth is not a refund
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (jsonb_path_query_first(doc, '$.**.amount') #>> '{}')::numeric AS amount
FROM events
WHERE doc @? '$.**.kind ? (@ == "refund")' AND (jsonb_path_query_first(doc, '$.**.refund.amount') #>> '{}')::numeric >= 100;
