-- fails: test_index — another index is built CONCURRENTLY, and the one that counts is not
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
-- 000005_for_show.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_for_show ON customers (id);
-- 000005_for_show.down.sql
DROP INDEX CONCURRENTLY customers_for_show;
