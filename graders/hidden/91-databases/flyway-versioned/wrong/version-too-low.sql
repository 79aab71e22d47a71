-- fails: test_production_takes_it — 2.1 seems to belong to 2, but production is at 3 already
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V2.1__discount_limit.sql
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
