-- fails: test_readers_do_not_queue — the age in a second view, small enough "not to matter"
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
CREATE MATERIALIZED VIEW sales_age AS SELECT now() AS at;
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
REFRESH MATERIALIZED VIEW sales_age;
%%answer page
SELECT day, shop, orders, revenue, at AS as_of FROM daily_sales CROSS JOIN sales_age;
