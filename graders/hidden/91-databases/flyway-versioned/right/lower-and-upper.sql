-- right: two constraints, one for each end; a view on a view
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;
-- V5__limits.sql
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CONSTRAINT discount_least CHECK (discount >= 0), ADD CONSTRAINT discount_most CHECK (discount <= 50);
%%answer view
-- R__daily_sales.sql
DROP VIEW IF EXISTS daily_sales, order_amounts;
CREATE VIEW order_amounts AS SELECT placed_on, state = 'cancelled' AS gone, CASE state WHEN 'cancelled' THEN 0 ELSE total END AS amount FROM orders;
CREATE VIEW daily_sales AS SELECT placed_on AS day, count(*) AS orders, count(nullif(gone, false)) AS cancelled, sum(amount) AS revenue FROM order_amounts GROUP BY placed_on;
%%answer outlet
flyway -environment=outlet -baselineVersion=2 baseline
flyway -environment=outlet validate -ignoreMigrationPatterns=*:pending
flyway -environment=outlet migrate
flyway -environment=outlet info
