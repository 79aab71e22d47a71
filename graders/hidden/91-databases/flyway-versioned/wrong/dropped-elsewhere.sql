-- fails: test_view_can_change — works once: at the second run the view is there
%%answer view
-- V4__no_daily_sales.sql
DROP VIEW daily_sales;
-- R__daily_sales.sql
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
