-- right: the document taken apart once, in a lateral join, and cast by type
%%answer refunds
SELECT e.id AS event_id, o.customer, r.amount
FROM events e
CROSS JOIN LATERAL jsonb_to_record(e.doc -> 'order') AS o(customer text)
CROSS JOIN LATERAL jsonb_to_record(e.doc -> 'refund') AS r(amount numeric)
WHERE e.doc @> '{"event": {"kind": "refund"}}' AND jsonb_typeof(e.doc -> 'refund') = 'object' AND r.amount >= 100;
