-- fails: test_has_a_unique_index — an ordinary index, as for any table; CONCURRENTLY then refuses
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE INDEX ON daily_sales (day, shop);
CREATE TABLE sales_as_of (at timestamptz NOT NULL);
INSERT INTO sales_as_of VALUES (now());
