-- fails: test_production_takes_it — the change comes in a new version, and the edited one is left as it is
%%answer release
-- V4__discount_limit.sql
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
