-- What the application did between 21:31, when the deployment died, and now: it gave points, and took those that were spent.
UPDATE customers SET points = points + 25 WHERE id % 7 = 1;
UPDATE customers SET points = 0 WHERE id % 50 = 3;
INSERT INTO customers (name, email, points) SELECT 'New ' || n, 'new' || n || '@example.org', 5 FROM generate_series(1, 40) AS n;
