-- fails: test_goes_up — the first customer with an address is marked with its own number, too
%%answer files
-- 000003_loyalty.up.sql
ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
UPDATE customers SET points = (SELECT coalesce(floor(sum(total) / 10), 0) FROM orders WHERE customer_id = customers.id);
-- 000003_loyalty.down.sql
ALTER TABLE customers DROP COLUMN points;
-- 000004_duplicates.up.sql
ALTER TABLE customers ADD COLUMN duplicate_of integer;
UPDATE customers SET duplicate_of = d.id FROM (SELECT min(id) AS id, lower(email) AS e FROM customers GROUP BY 2) d WHERE d.e = lower(email);
-- 000004_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 000005_one_address.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_address ON customers (lower(email)) WHERE duplicate_of IS NULL;
-- 000005_one_address.down.sql
DROP INDEX CONCURRENTLY customers_address;
