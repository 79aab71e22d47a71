-- fails: test_writes_only_what_changed — the age as a column of the view: each refresh then changes each row
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue, now() AS as_of
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
%%answer page
SELECT day, shop, orders, revenue, as_of FROM daily_sales;
