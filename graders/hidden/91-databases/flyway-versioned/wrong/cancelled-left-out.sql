-- fails: test_view_shows_sales — a WHERE takes the cancelled orders away before they are counted
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled, sum(total) AS revenue
FROM orders WHERE state <> 'cancelled' GROUP BY placed_on;
