-- Half a year of orders of a tea shop, as documents. `chance(id, n)` is a number in [0, 1) that depends only on the seed, so the same
-- seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;

CREATE TABLE orders (
    id        bigint PRIMARY KEY,
    placed_at timestamptz NOT NULL,
    doc       jsonb NOT NULL
);

-- TEA-7 costs 3.90. From 1 May on it stands in the documents with 9.30: two digits were swapped. MUG-3 does cost 9.30.
CREATE TEMP TABLE lines AS
SELECT id, number, sku,
       CASE WHEN roll < 0.02 THEN 0.00                                                       -- a sample
            WHEN sku = 'TEA-7' THEN CASE WHEN placed_at >= '2026-05-01' THEN 9.30 ELSE 3.90 END
            WHEN sku = 'MUG-3' THEN 9.30
            ELSE 2.50 + (hashtext(sku) & 63) * 0.25 END AS price,
       CASE WHEN pg_temp.chance(id, number * 10 + 4) > 0.15 THEN 1 + floor(pg_temp.chance(id, number * 10 + 5) * 4)::int END AS qty,
       roll
FROM (
    SELECT id, number, placed_at,
           CASE WHEN pg_temp.chance(id, number * 10 + 1) < 0.08 THEN 'TEA-7'
                WHEN pg_temp.chance(id, number * 10 + 1) < 0.13 THEN 'MUG-3'
                ELSE (ARRAY['TEA', 'MUG', 'POT'])[1 + floor(pg_temp.chance(id, number * 10 + 2) * 3)::int]
                     || '-' || (10 + floor(pg_temp.chance(id, number * 10 + 3) * 12)::int) END AS sku,
           pg_temp.chance(id, number * 10 + 6) AS roll
    FROM (SELECT id, timestamptz '2026-01-01' + id * interval '3120 seconds' AS placed_at FROM generate_series(1, 5000) AS id) AS placed,
         generate_series(1, floor(pg_temp.chance(id, 1) * 6)::int) AS number
) AS rolled;

INSERT INTO orders (id, placed_at, doc)
SELECT id, timestamptz '2026-01-01' + id * interval '3120 seconds',
       jsonb_build_object(
           'country', country,
           'channel', CASE WHEN old_client THEN 'till' ELSE 'web' END,
           'customer', jsonb_build_object('name', 'c-' || (id % 3000), 'newsletter', id % 5 = 0),
           'lines', coalesce(lines, '[]'))
       || CASE WHEN country = 'LU' OR pg_temp.chance(id, 4) < 0.2 THEN '{}'                   -- the customer fetches it
               ELSE jsonb_build_object('shipping', CASE WHEN country = 'DE' THEN 4.90 ELSE 8.50 END) END
FROM (
    SELECT id, pg_temp.chance(id, 3) < 0.15 AS old_client,
           (ARRAY['DE', 'DE', 'DE', 'DE', 'FR', 'FR', 'PL', 'PL', 'PT', 'LU'])[1 + floor(pg_temp.chance(id, 2) * 10)::int] AS country
    FROM generate_series(1, 5000) AS id
) AS head
LEFT JOIN (
    SELECT id, jsonb_agg(
               jsonb_build_object('sku', sku, 'price', CASE WHEN pg_temp.chance(id, 3) < 0.15 THEN to_jsonb(to_char(price, 'FM990.00')) ELSE to_jsonb(price) END)
               || CASE WHEN qty IS NULL THEN '{}' ELSE jsonb_build_object('qty', qty) END       -- not written where it is 1
               || CASE WHEN roll > 0.9 THEN jsonb_build_object('gift', true) ELSE '{}' END
               ORDER BY number) AS lines
    FROM lines GROUP BY id
) AS body USING (id);

DROP TABLE lines;
