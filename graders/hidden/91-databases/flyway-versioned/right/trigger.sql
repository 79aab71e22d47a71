-- right: a trigger that refuses, which the check cannot tell from a constraint
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;

-- V4__discount_limit.sql
UPDATE orders SET discount = discount / 10 WHERE NOT discount <= 50;
CREATE FUNCTION refuse_discount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a discount of % %% is not possible', NEW.discount USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER refuse_discount BEFORE INSERT OR UPDATE ON orders FOR EACH ROW
WHEN (NEW.discount NOT BETWEEN 0 AND 50) EXECUTE FUNCTION refuse_discount();
