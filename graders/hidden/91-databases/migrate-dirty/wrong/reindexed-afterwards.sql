-- fails: test_index — REINDEX CONCURRENTLY comes too late: everybody waited when it was built
%%answer files
-- 000003_loyalty.up.sql
ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
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
CREATE UNIQUE INDEX customers_address ON customers (lower(email)) WHERE duplicate_of IS NULL;
-- 000004_duplicates.down.sql
DROP INDEX customers_address;
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 000005_again.up.sql
REINDEX INDEX CONCURRENTLY customers_address;
-- 000005_again.down.sql
SELECT 1;
