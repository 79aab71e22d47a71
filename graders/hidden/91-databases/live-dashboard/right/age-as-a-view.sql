-- right: the age is a materialized view of one row, refreshed concurrently, too
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT date_trunc('day', placed_at)::date AS day, shop, count(DISTINCT orders.id) AS orders, sum(unit_price * quantity) AS revenue
FROM orders, order_lines WHERE order_id = id AND state = 'paid' GROUP BY day, shop ORDER BY day, shop;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
CREATE MATERIALIZED VIEW daily_sales_age AS SELECT 1 AS only_row, now() AS at;
CREATE UNIQUE INDEX ON daily_sales_age (only_row);
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales_age;
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
%%answer page
SELECT s.day, s.shop, s.orders, s.revenue, a.at AS as_of FROM daily_sales s CROSS JOIN daily_sales_age a
