-- One shop's events, as its services wrote them over the years. `chance(id, n, seed)` is a number in [0, 1) that depends only
-- on these, so the same seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, seed) & 1048575) / 1048576.0
$$;

CREATE TABLE events (
    id   bigint PRIMARY KEY,
    at   timestamptz NOT NULL,
    doc  jsonb NOT NULL
);

INSERT INTO events (id, at, doc)
SELECT id,
       timestamptz '2026-01-01' + id * interval '73 seconds',
       jsonb_build_object(
           'event', jsonb_build_object('kind', kind, 'version', 1 + (chance4 * 3)::int),
           'order', jsonb_build_object('id', 100000 + (chance2 * 20000)::int,
                                       'customer', 'c-' || lpad(((chance3 * 3000)::int)::text, 5, '0'),
                                       'channel', (ARRAY['web', 'app', 'shop', 'phone'])[1 + floor(chance4 * 4)::int]))
       || CASE
           WHEN kind = 'refund' AND chance5 < 0.05 THEN '{}'::jsonb                                             -- written before refunds had details
           WHEN kind = 'refund' AND chance5 < 0.15 THEN '{"refund": {"currency": "EUR", "reason": "lost"}}'       -- no amount
           WHEN kind = 'refund' AND chance5 < 0.25 THEN '{"refund": {"amount": null, "currency": "EUR"}}'         -- not yet decided
           WHEN kind = 'refund' AND chance5 < 0.50 THEN jsonb_build_object('refund',                              -- an old client
                jsonb_build_object('amount', to_char((chance6 * 800)::int / 2.0, 'FM990.00'), 'currency', 'EUR'))
           WHEN kind IN ('refund', 'refund_requested') THEN jsonb_build_object('refund',
                jsonb_build_object('amount', round((chance6 * 800)::int / 2.0, 2), 'currency', 'EUR', 'reason', 'damaged'))
           WHEN kind = 'payment' THEN jsonb_build_object('refund', NULL,
                'payment', jsonb_build_object('amount', round((chance6 * 800)::int / 2.0, 2), 'method', 'card'))
           WHEN kind = 'note' THEN jsonb_build_object('text', 'Customer asks about a refund of ' || (chance6 * 400)::int || ' EUR')
           ELSE jsonb_build_object('parcel', jsonb_build_object('weight', (chance6 * 90)::int * 100, 'depot', 'd' || (chance5 * 40)::int))
       END
FROM (
    SELECT id,
           CASE WHEN chance1 < 0.010 THEN 'refund'
                WHEN chance1 < 0.020 THEN 'refund_requested'
                WHEN chance1 < 0.050 THEN 'note'
                WHEN chance1 < 0.500 THEN 'payment'
                ELSE 'shipment' END AS kind,
           chance2, chance3, chance4, chance5, chance6
    FROM (
        SELECT id, pg_temp.chance(id, 1, seed) AS chance1, pg_temp.chance(id, 2, seed) AS chance2,
               pg_temp.chance(id, 3, seed) AS chance3, pg_temp.chance(id, 4, seed) AS chance4,
               pg_temp.chance(id, 5, seed) AS chance5, pg_temp.chance(id, 6, seed) AS chance6
        FROM generate_series(1, 100000) AS id,
             (SELECT (current_setting('labkit.seed')::numeric * 1000000)::bigint AS seed) AS given
        OFFSET 0 -- rolled once a row, and not again wherever a chance is used
    ) AS rolled
) AS shaped;
