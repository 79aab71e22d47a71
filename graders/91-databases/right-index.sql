-- A platform for small shops: its customers and one year of orders. `chance(id, n)` is a number in [0, 1) that depends only on
-- the seed, so the same seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;

-- The VACUUM that follows marks a page as visible to all only when the commit of its rows is on disk: index-only scans need that mark.
SET synchronous_commit = on;

CREATE TABLE customers (
    id      int PRIMARY KEY,
    name    text NOT NULL,
    email   text NOT NULL UNIQUE,
    city    text NOT NULL,
    address text NOT NULL
);

CREATE TABLE orders (
    id          bigint PRIMARY KEY,
    shop_id     int NOT NULL,
    customer_id int NOT NULL,
    placed_at   timestamptz NOT NULL,
    status      text NOT NULL,
    total_cents int NOT NULL,
    note        text NOT NULL
);

-- People type their address as they like: half of them with capital letters.
INSERT INTO customers (id, name, email, city, address)
SELECT id, first || ' ' || last,
       CASE WHEN pg_temp.chance(id, 3) < 0.5 THEN first || '.' || last || id || '@Example.com'
            ELSE lower(first || '.' || last) || id || '@example.com' END,
       (ARRAY['Berlin', 'Lyon', 'Porto', 'Gdansk', 'Turin'])[1 + floor(pg_temp.chance(id, 4) * 5)::int],
       'Long Street ' || (id % 400) || ', second floor, ring twice'
FROM (
    SELECT id,
           (ARRAY['Ada', 'Edgar', 'Grace', 'Michael', 'Barbara', 'Jim'])[1 + floor(pg_temp.chance(id, 1) * 6)::int] AS first,
           (ARRAY['Codd', 'Hopper', 'Gray', 'Liskov', 'Date', 'Stone'])[1 + floor(pg_temp.chance(id, 2) * 6)::int] AS last
    FROM generate_series(1, 20000) AS id
) AS person;

-- Shop 12 is large (one order in ten), shop 77 closed early in the year, and 400 others share the rest. About 1 % of the orders are
-- open, and they are scattered over the last four months.
INSERT INTO orders (id, shop_id, customer_id, placed_at, status, total_cents, note)
SELECT id,
       CASE WHEN chance1 < 0.10 THEN 12
            WHEN chance1 < 0.22 AND id < 12000 THEN 77
            ELSE 100 + floor(chance2 * 400)::int END,
       1 + floor(chance3 * 20000)::int,
       timestamptz '2025-01-01' + id * interval '262 seconds' + chance4 * interval '200 seconds',
       CASE WHEN id > 80000 AND chance5 < 0.03 THEN 'open'
            WHEN chance5 < 0.08 THEN 'cancelled'
            ELSE 'done' END,
       100 + floor(chance4 * 20000)::int,
       'Please leave it with the neighbours, they are at home from ' || (8 + floor(chance3 * 12)::int) || ' on'
FROM (
    SELECT id, pg_temp.chance(id, 1) AS chance1, pg_temp.chance(id, 2) AS chance2, pg_temp.chance(id, 3) AS chance3,
           pg_temp.chance(id, 4) AS chance4, pg_temp.chance(id, 5) AS chance5
    FROM generate_series(1, 120000) AS id
) AS rolled;
