-- fails: test_view_shows_sales — coalesce inside the sum, which has no row to look at
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       sum(coalesce(total, 0)) FILTER (WHERE state <> 'cancelled') AS revenue
FROM orders GROUP BY placed_on;
