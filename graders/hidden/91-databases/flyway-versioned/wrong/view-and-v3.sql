-- fails: test_view_shows_sales — V3 is taken out of the history: its file is emptied
%%answer view
-- V3__daily_sales.sql
SELECT 1;
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
