-- right: version 3.1 is above 3; the column gets a type that cannot hold more
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;
-- V3.1__limit.sql
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CHECK (discount <@ numrange(0, 50, '[]'));
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales;
CREATE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0) AS revenue
FROM orders GROUP BY day;
%%answer outlet
flyway -environment=outlet -baselineVersion=2.0 baseline
flyway -environment=outlet migrate
