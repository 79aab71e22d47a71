-- fails: test_view_shows_sales — the version that made the view was edited: the incident once more
%%answer view
-- V3__daily_sales.sql
CREATE INDEX ON orders (placed_on);

CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY placed_on;
