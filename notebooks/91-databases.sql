-- The shop of the lesson: lamps, sold to 2,000 customers in 100,000 orders. `chance(id, n)` is a number in [0, 1) that depends
-- only on the seed, so the same seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;

CREATE TABLE customers (
    id    int PRIMARY KEY,
    name  text NOT NULL
);
INSERT INTO customers (id, name)
SELECT id, (ARRAY['Ada','Bo','Cem','Dina','Efe','Fay','Gil','Hana','Ivo','Jun'])[1 + id % 10] || ' ' ||
           (ARRAY['Abel','Berg','Costa','Diaz','Eber','Falk','Grau','Holm'])[1 + id / 10 % 8]
FROM generate_series(1, 2000) AS id;

CREATE TABLE orders (
    id           bigint NOT NULL,
    customer_id  int NOT NULL,
    placed_at    timestamptz NOT NULL,
    token        text NOT NULL,           -- in the link of the mail that says where the parcel is
    status       text NOT NULL,
    total        numeric(10, 2) NOT NULL,
    place        point NOT NULL,          -- where it goes, in km from the shop
    details      jsonb NOT NULL
);
INSERT INTO orders
SELECT id, 1 + floor(chance1 * 2000)::int, timestamptz '2025-01-01' + id * interval '8 minutes',
       md5(id::text), CASE WHEN id > 99000 THEN 'open' ELSE 'sent' END, 15 + (chance2 * 40000)::int / 100.0,
       point(round((10 * (chance3 - 0.5) * (1 + 3 * chance4))::numeric, 3), round((10 * (chance5 - 0.5) * (1 + 3 * chance4))::numeric, 3)),
       jsonb_build_object('tags', jsonb_build_array((ARRAY['desk','floor','wall','ceiling'])[1 + floor(chance4 * 4)::int],
                                                    (ARRAY['brass','oak','glass','steel','paper','linen'])[1 + floor(chance2 * 6)::int]),
                          'gift', chance5 < 0.06)
FROM (
    SELECT id, pg_temp.chance(id, 1) AS chance1, pg_temp.chance(id, 2) AS chance2, pg_temp.chance(id, 3) AS chance3,
           pg_temp.chance(id, 4) AS chance4, pg_temp.chance(id, 5) AS chance5
    FROM generate_series(1, 100000) AS id
) AS rolled;
