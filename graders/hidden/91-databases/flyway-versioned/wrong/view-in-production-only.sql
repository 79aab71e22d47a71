-- fails: test_view_from_nothing — the schema's name is written into the view
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS shop.daily_sales;
CREATE VIEW shop.daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM shop.orders GROUP BY placed_on;
