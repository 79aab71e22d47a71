-- right: a version made of the date, the rule as two ranges, NOT VALID first; the outlet in one command
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V20260414.1030__discount_limit.sql
ALTER TABLE orders ADD CONSTRAINT discount_is_sane CHECK (discount >= 0 AND discount <= 50) NOT VALID;
UPDATE orders SET discount = round(discount / 10, 2) WHERE discount > 50;
ALTER TABLE orders VALIDATE CONSTRAINT discount_is_sane;
%%answer view
-- V4__no_daily_sales.sql
DROP VIEW daily_sales;
-- R__daily_sales.sql
CREATE OR REPLACE VIEW daily_sales AS
SELECT placed_on AS day, count(*) AS orders, sum((state = 'cancelled')::int) AS cancelled,
       sum(CASE state WHEN 'cancelled' THEN 0 ELSE total END) AS revenue
FROM orders GROUP BY placed_on;
%%answer outlet
# one command
flyway migrate -environment=outlet -baselineOnMigrate=true -baselineVersion=2 -baselineDescription="made by hand"
