-- fails: test_page_shows_the_view — the table of the age is empty before the first refresh, and a join with nothing is nothing
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales (day, shop);
CREATE TABLE sales_as_of (at timestamptz NOT NULL);
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
DELETE FROM sales_as_of;
INSERT INTO sales_as_of VALUES (now());
%%answer page
SELECT day, shop, orders, revenue, at AS as_of
FROM daily_sales, sales_as_of;
