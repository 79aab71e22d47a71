-- right: a history of refreshes, one transaction by hand, the moment read before the refresh
%%answer dashboard
CREATE TABLE refreshes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data_of timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO refreshes DEFAULT VALUES;
CREATE MATERIALIZED VIEW public.daily_sales (day, shop, orders, revenue) AS
WITH sold AS (
    SELECT order_id, sum(quantity * unit_price) AS revenue FROM order_lines GROUP BY order_id
)
SELECT o.placed_at::date, o.shop, count(*), sum(s.revenue)
FROM orders AS o JOIN sold AS s ON s.order_id = o.id
WHERE o.state <> 'cancelled'
GROUP BY o.placed_at::date, o.shop;
CREATE UNIQUE INDEX by_shop ON daily_sales (shop, day DESC) INCLUDE (revenue);
%%answer refresh
BEGIN;
INSERT INTO refreshes DEFAULT VALUES;
REFRESH MATERIALIZED VIEW CONCURRENTLY public.daily_sales;
COMMIT;
%%answer page
SELECT day, shop, orders, revenue, (SELECT data_of FROM refreshes ORDER BY id DESC LIMIT 1) AS as_of
FROM daily_sales ORDER BY day DESC, shop
