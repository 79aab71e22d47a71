-- What a ferry line keeps: the berths of each sailing that are free, and a table that serves as a key-value store with an expiry.
CREATE TABLE sailings (sailing text PRIMARY KEY, route text NOT NULL, free int NOT NULL);
CREATE TABLE cache (key text PRIMARY KEY, value int NOT NULL, expires timestamptz NOT NULL);

INSERT INTO sailings
SELECT 'sailing-' || id, 'route-' || id % 40 + 1, 10 + (hashtext(current_setting('labkit.seed') || ' ' || id) & 127)
FROM generate_series(1, 20000) AS id;
