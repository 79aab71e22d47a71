-- fails: test_limit_in_production — NOT VALID gets past the old rows, and leaves them as they are
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V4__discount_limit.sql
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50) NOT VALID;
