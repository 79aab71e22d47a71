-- fails: test_view_shows_sales — orders counts only those that were not cancelled
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) FILTER (WHERE state <> 'cancelled') AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
