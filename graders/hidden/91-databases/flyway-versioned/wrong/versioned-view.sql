-- fails: test_view_can_change — the view in a version again, which is closed once it is applied
%%answer view
-- V4__daily_sales.sql
DROP VIEW daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
