-- right: the limit in a repeatable file, which takes the old one off first
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;
-- V4__divide.sql
UPDATE orders SET discount = discount * 0.1 WHERE discount > 50;
-- R__limit.sql
ALTER TABLE orders DROP CONSTRAINT IF EXISTS limited;
ALTER TABLE orders ADD CONSTRAINT limited CHECK (discount BETWEEN 0 AND 50);
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
WITH good AS (SELECT placed_on, sum(total) AS revenue FROM orders WHERE state <> 'cancelled' GROUP BY 1)
SELECT o.placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE o.state = 'cancelled') AS cancelled, coalesce(max(g.revenue), 0) AS revenue
FROM orders AS o LEFT JOIN good AS g USING (placed_on) GROUP BY o.placed_on;
%%answer outlet
flyway -environment=outlet -baselineVersion=2 -baselineDescription="as found" baseline
flyway -environment=outlet -target=3 migrate
