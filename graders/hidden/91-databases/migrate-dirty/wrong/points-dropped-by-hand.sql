-- fails: test_nothing_lost — the column is dropped, so that the file can make it: the points are computed again
%%answer files
-- 000003_loyalty.up.sql
ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
UPDATE customers SET points = coalesce((SELECT floor(sum(total) / 10) FROM orders WHERE customer_id = customers.id), 0);
-- 000003_loyalty.down.sql
ALTER TABLE customers DROP COLUMN points;
-- 000004_duplicates.up.sql
ALTER TABLE customers ADD COLUMN duplicate_of integer;
UPDATE customers AS c SET duplicate_of = f.first
FROM (SELECT id, min(id) OVER (PARTITION BY lower(email)) AS first FROM customers WHERE email IS NOT NULL) AS f
WHERE f.id = c.id AND f.first <> c.id;
-- 000004_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 000005_unique_address.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_one_address ON customers (lower(email)) WHERE duplicate_of IS NULL;
-- 000005_unique_address.down.sql
DROP INDEX CONCURRENTLY customers_one_address;
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
psql -c "ALTER TABLE customers DROP COLUMN points"
migrate force 2
migrate up
