-- right: a loop in PL/pgSQL marks the duplicates; dates as versions
%%answer files
-- 000003_loyalty.up.sql
ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
UPDATE customers SET points = coalesce((SELECT floor(sum(total) / 10) FROM orders WHERE customer_id = customers.id), 0);
-- 000003_loyalty.down.sql
ALTER TABLE customers DROP COLUMN points;
-- 20260609_duplicates.up.sql
ALTER TABLE customers ADD COLUMN duplicate_of integer;
DO $$
DECLARE again record;
BEGIN
    FOR again IN SELECT lower(email) AS address, min(id) AS first FROM customers WHERE email IS NOT NULL GROUP BY 1 HAVING count(*) > 1 LOOP
        UPDATE customers SET duplicate_of = again.first WHERE lower(email) = again.address AND id > again.first;
    END LOOP;
END $$;
-- 20260609_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
-- 20260610_unique_address.up.sql
CREATE UNIQUE INDEX CONCURRENTLY customers_one_address ON customers (lower(email)) WHERE duplicate_of IS NULL;
-- 20260610_unique_address.down.sql
DROP INDEX CONCURRENTLY customers_one_address;
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
migrate force 3
migrate up
