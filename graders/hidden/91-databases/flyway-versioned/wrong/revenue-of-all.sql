-- fails: test_view_shows_sales — revenue adds up the cancelled orders, too
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total), 0) AS revenue
FROM orders GROUP BY placed_on;
