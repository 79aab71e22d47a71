-- right: the kind by jsonpath, which jsonb_path_ops serves, too; another index name; CTE
%%answer index
CREATE INDEX IF NOT EXISTS anything_at_all ON public.events USING GIN (doc jsonb_path_ops);
%%answer refunds
WITH refund AS (
    SELECT id, doc FROM events WHERE doc @@ '$.event.kind == "refund"'
)
SELECT id AS event_id, doc -> 'order' ->> 'customer' AS customer, (doc -> 'refund' ->> 'amount')::numeric AS amount
FROM refund WHERE (doc -> 'refund' ->> 'amount')::numeric >= 100 ORDER BY amount DESC
