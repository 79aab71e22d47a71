CREATE INDEX ON orders (placed_on);

CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, sum(total) AS revenue
FROM orders GROUP BY placed_on;
