-- 400 accounts of a wallet. `chance(id, n)` is a number in [0, 1) that depends only on the seed.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;

CREATE TABLE accounts (
    id     int PRIMARY KEY,
    owner  text NOT NULL,
    cents  bigint NOT NULL CHECK (cents >= 0)
);

CREATE TABLE transfers (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source  int NOT NULL REFERENCES accounts,
    target  int NOT NULL REFERENCES accounts,
    cents   bigint NOT NULL CHECK (cents > 0),
    at      timestamptz NOT NULL DEFAULT now()
);

INSERT INTO accounts (id, owner, cents)
SELECT id,
       (ARRAY['Ada', 'Alan', 'Barbara', 'Edsger', 'Grace', 'Jim', 'Margaret', 'Michael', 'Patricia', 'Tony'])[1 + floor(pg_temp.chance(id, 1) * 10)::int]
           || ' ' || chr(65 + floor(pg_temp.chance(id, 2) * 26)::int) || '.',
       20000 + floor(pg_temp.chance(id, 3) * 80000)::bigint
FROM generate_series(1, 400) AS id;
