-- fails: test_view_shows_sales — CREATE OR REPLACE cannot put a column in the middle
%%answer view
-- R__daily_sales.sql
CREATE OR REPLACE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
