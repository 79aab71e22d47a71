ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;
UPDATE customers
SET points = (SELECT coalesce(floor(sum(total) / 10), 0) FROM orders WHERE customer_id = customers.id);
CREATE UNIQUE INDEX CONCURRENTLY customers_email ON customers (lower(email));
