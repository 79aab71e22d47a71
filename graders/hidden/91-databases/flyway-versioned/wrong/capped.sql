-- fails: test_limit_in_production — cut to 50 instead of divided by ten
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V4__discount_limit.sql
UPDATE orders SET discount = least(discount, 50);
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
