-- fails: test_view_shows_sales — revenue before cancelled: appended where there was room
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled
FROM orders GROUP BY placed_on;
