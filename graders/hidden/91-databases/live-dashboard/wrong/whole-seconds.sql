-- fails: test_page_says_how_old_it_is — seconds look nicer, and are rounded up every second time
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id
WHERE state = 'paid'
GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
CREATE TABLE data_of (as_of timestamptz(0));
INSERT INTO data_of VALUES (now());
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
UPDATE data_of SET as_of = now();
%%answer page
SELECT day, shop, orders, revenue, as_of::timestamptz AS as_of FROM daily_sales, data_of
