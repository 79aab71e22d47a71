-- fails: test_production_takes_it — the statement is restored, its comment is not: the checksum is of the text
%%answer release
-- V2__discount.sql
-- A discount in percent
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;
-- V4__discount_limit.sql
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
