-- fails: test_has_a_unique_index — a partial index (only the last days are looked at) tells only some rows apart
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop) WHERE day >= '2026-01-02';
CREATE TABLE sales_as_of (at timestamptz NOT NULL);
INSERT INTO sales_as_of VALUES (now());
