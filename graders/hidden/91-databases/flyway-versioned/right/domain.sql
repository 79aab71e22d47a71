-- right: the limit as a domain, in two versions; the view by name of its own statement order
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- file: V4__mend_discounts.sql
UPDATE orders SET discount = discount * 0.1 WHERE discount > 50;
-- file: V5__discount_limit.sql
CREATE DOMAIN discount_percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 50);
ALTER TABLE orders ALTER discount TYPE discount_percent;
%%answer view
-- file: R__sales_reports.sql
DO $$
BEGIN
    DROP VIEW IF EXISTS daily_sales;
    CREATE VIEW daily_sales AS
    SELECT o.placed_on AS day, count(*) AS orders, count(nullif(o.state <> 'cancelled', true)) AS cancelled,
           coalesce(sum(sold.total), 0) AS revenue
    FROM orders AS o LEFT JOIN orders AS sold ON sold.id = o.id AND sold.state <> 'cancelled'
    GROUP BY o.placed_on;
END $$;
