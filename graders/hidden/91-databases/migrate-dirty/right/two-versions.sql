-- right: 000003 only when it is needed, the window function, the index in a file with comments; force 2 is true for these files
%%answer files
-- 000003_loyalty.up.sql
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'customers' AND column_name = 'points') THEN
        ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
        UPDATE customers SET points = given.points
        FROM (SELECT customer_id, floor(sum(total) / 10) AS points FROM orders GROUP BY customer_id) AS given
        WHERE given.customer_id = customers.id;
    END IF;
    ALTER TABLE customers ADD COLUMN duplicate_of integer REFERENCES customers;
    UPDATE customers SET duplicate_of = first
    FROM (SELECT id, min(id) OVER (PARTITION BY lower(email)) AS first FROM customers WHERE email IS NOT NULL) AS known
    WHERE known.id = customers.id AND first < known.id;
END $$;
-- 000003_loyalty.down.sql
ALTER TABLE customers DROP COLUMN points, DROP COLUMN duplicate_of;
-- 000010_one_address.up.sql
-- alone here, as it cannot be in a transaction
CREATE UNIQUE INDEX CONCURRENTLY one_address ON customers (upper(email)) WHERE duplicate_of IS NULL;
-- 000010_one_address.down.sql
DROP INDEX one_address;
%%answer recovery
psql -c "DROP INDEX customers_email"
migrate force 2
migrate up
migrate version
