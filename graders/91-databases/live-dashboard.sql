-- Sixty days of orders from twenty-four shops. `chance(id, n)` is a number in [0, 1) that depends only on the seed, so the
-- same seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;

CREATE TABLE orders (
    id         bigint PRIMARY KEY,
    placed_at  timestamptz NOT NULL,
    shop       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('paid', 'cancelled'))
);

CREATE TABLE order_lines (
    order_id    bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line        int NOT NULL,
    quantity    int NOT NULL,
    unit_price  numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

INSERT INTO orders (id, placed_at, shop, state)
SELECT id,
       timestamptz '2026-01-01' + id * interval '258 seconds' + pg_temp.chance(id, 1) * interval '1 hour',
       (ARRAY['Aachen', 'Bergen', 'Cork', 'Delft', 'Espoo', 'Faro', 'Ghent', 'Huelva', 'Innsbruck', 'Jena', 'Kaunas', 'Lille',
              'Malmo', 'Nantes', 'Odense', 'Porto', 'Quimper', 'Riga', 'Siena', 'Tartu', 'Utrecht', 'Vigo', 'Wels', 'Zadar']
       )[1 + floor(24 * pg_temp.chance(id, 2) ^ 1.5)::int],
       CASE WHEN pg_temp.chance(id, 3) < 0.04 THEN 'cancelled' ELSE 'paid' END
FROM generate_series(1, 20000) AS id;

INSERT INTO order_lines (order_id, line, quantity, unit_price)
SELECT id, line, 1 + floor(3 * pg_temp.chance(id, 10 + line))::int, round((2 + 60 * pg_temp.chance(id, 20 + line))::numeric, 2)
FROM generate_series(1, 20000) AS id, generate_series(1, 1 + floor(4 * pg_temp.chance(id, 4))::int) AS line;
