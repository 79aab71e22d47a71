-- fails: test_view_shows_sales — canceled, as it is written elsewhere
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'canceled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'canceled'), 0) AS revenue
FROM orders GROUP BY placed_on;
