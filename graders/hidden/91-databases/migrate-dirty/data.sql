-- People who registered three times, without an address, without an order; addresses that differ in nothing.
INSERT INTO customers (name, email) SELECT 'Grace ' || n, (ARRAY['grace@example.org', 'GRACE@example.org', 'Grace@Example.Org'])[n] FROM generate_series(1, 3) AS n;
INSERT INTO customers (name, email) SELECT 'Alan', 'alan@example.org' FROM generate_series(1, 4);
INSERT INTO customers (name, email) SELECT 'By letter', NULL FROM generate_series(1, 9);
INSERT INTO orders (customer_id, total) SELECT id, 9.99 FROM customers WHERE name = 'Alan';
