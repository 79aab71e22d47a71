-- fails: test_serves_another_question — small, but it knows only the event's kind
%%answer index
CREATE INDEX ON events USING gin ((doc -> 'event') jsonb_path_ops);
%%answer refunds
SELECT id AS event_id, doc #>> '{order,customer}' AS customer, (doc #>> '{refund,amount}')::numeric AS amount
FROM events
WHERE doc -> 'event' @> '{"kind": "refund"}' AND (doc #>> '{refund,amount}')::numeric >= 100;
