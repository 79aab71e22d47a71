-- fails: test_index — the index is on the address as it was typed
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
-- 000004_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 000005_one_address.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_address ON customers (email) WHERE duplicate_of IS NULL;
-- 000005_one_address.down.sql
DROP INDEX CONCURRENTLY customers_address;
