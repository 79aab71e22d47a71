-- fails: test_production_takes_it — production has rows that the limit forbids
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V4__discount_limit.sql
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
