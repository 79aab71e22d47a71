-- fails: test_release_from_nothing — the schema's name is written into the migration
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V4__discount_limit.sql
UPDATE shop.orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE shop.orders ADD CHECK (discount BETWEEN 0 AND 50);
