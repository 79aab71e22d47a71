-- fails: test_readers_do_not_wait — the table of the age is locked first, so the page waits though the view does not
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id
WHERE state = 'paid'
GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
CREATE TABLE data_of AS SELECT now() AS as_of;
%%answer refresh
LOCK TABLE data_of;
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
UPDATE data_of SET as_of = now();
%%answer page
SELECT day, shop, orders, revenue, as_of FROM daily_sales, data_of
