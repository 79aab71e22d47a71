-- fails: test_total_cannot_be_written — follows the document, and lets everybody write the column itself
%%answer total
ALTER TABLE orders ADD COLUMN total numeric;
CREATE FUNCTION set_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce((NEW.doc ->> 'shipping')::numeric, 0) + coalesce(sum(coalesce((line ->> 'qty')::int, 1) * (line ->> 'price')::numeric), 0)
    INTO NEW.total FROM jsonb_array_elements(NEW.doc -> 'lines') AS line;
    RETURN NEW;
END $$;
CREATE TRIGGER set_total BEFORE INSERT OR UPDATE OF doc ON orders FOR EACH ROW EXECUTE FUNCTION set_total();
UPDATE orders SET doc = doc;
