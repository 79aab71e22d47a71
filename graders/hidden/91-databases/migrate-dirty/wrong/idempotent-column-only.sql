-- fails: test_nothing_lost — the column may be there, but the points are computed again
%%answer files
-- 000003_loyalty.up.sql
ALTER TABLE customers ADD COLUMN IF NOT EXISTS points integer NOT NULL DEFAULT 0;
UPDATE customers
SET points = (SELECT coalesce(floor(sum(total) / 10), 0) FROM orders WHERE customer_id = customers.id);
-- 000003_loyalty.down.sql
ALTER TABLE customers DROP COLUMN points;
-- 000004_duplicates.up.sql
ALTER TABLE customers ADD COLUMN duplicate_of integer;
UPDATE customers AS again
SET duplicate_of = original.id
FROM (SELECT lower(email) AS address, min(id) AS id FROM customers GROUP BY 1) AS original
WHERE lower(again.email) = original.address AND again.id > original.id;
-- 000004_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 000005_one_address.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_address ON customers (lower(email)) WHERE duplicate_of IS NULL;
-- 000005_one_address.down.sql
DROP INDEX CONCURRENTLY customers_address;
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
migrate force 2
migrate up
