-- right: a constraint trigger that speaks at the end, a total that a trigger fills in afterwards, prices compared as they are written
%%answer guard
CREATE FUNCTION is_order(doc jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_typeof(doc -> 'country') = 'string' AND doc ->> 'country' ~ '^[A-Z]{2}$', false)
       AND coalesce(jsonb_typeof(doc -> 'lines') = 'array', false)
       AND (NOT doc ? 'shipping' OR doc @? 'strict $.shipping ? (@.type() == "number" && @ >= 0)')
       AND NOT EXISTS (
           SELECT FROM jsonb_array_elements(CASE jsonb_typeof(doc -> 'lines') WHEN 'array' THEN doc -> 'lines' ELSE '[]' END) AS line
           WHERE NOT coalesce(jsonb_typeof(line -> 'sku') = 'string', false) OR line ->> 'sku' = ''
              OR NOT coalesce(line @? 'strict $.price ? ((@.type() == "number" && @ >= 0) || @ like_regex "^[0-9]+[.][0-9]{2}$")', false)
              OR line ? 'qty' AND NOT line @? 'strict $.qty ? (@.type() == "number" && @ >= 1 && @.floor() == @)'
       )
$$;
CREATE FUNCTION refuse_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_order(NEW.doc) THEN
        RAISE EXCEPTION 'order % is malformed', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER well_formed AFTER INSERT OR UPDATE ON orders
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_order();
%%answer total
ALTER TABLE orders ADD COLUMN total numeric;
CREATE FUNCTION fill_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET total = coalesce((doc ->> 'shipping')::numeric, 0) + (
        SELECT coalesce(sum(coalesce((line ->> 'qty')::int, 1) * (line ->> 'price')::numeric), 0) FROM jsonb_array_elements(doc -> 'lines') AS line
    ) WHERE id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER fill_total AFTER INSERT OR UPDATE ON orders FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION fill_total();
UPDATE orders SET doc = doc;
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, '{lines}', (
    SELECT jsonb_agg(CASE WHEN line @> '{"sku": "TEA-7", "price": 9.30}' OR line @> '{"sku": "TEA-7", "price": "9.30"}'
                          THEN line || '{"price": 3.90}' ELSE line END ORDER BY place)
    FROM jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS entry(line, place)))
WHERE placed_at >= '2026-05-01 00:00+00'
  AND (doc @> '{"lines": [{"sku": "TEA-7", "price": 9.30}]}' OR doc @> '{"lines": [{"sku": "TEA-7", "price": "9.30"}]}');
