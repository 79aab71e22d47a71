-- right: lateral functions and CTEs, a CHECK that calls functions, a trigger that always computes, a loop over positions
%%answer report
WITH line AS (
    SELECT o.id, coalesce((l ->> 'qty')::int, 1) AS qty, (l ->> 'price')::numeric AS price
    FROM orders o CROSS JOIN LATERAL jsonb_array_elements(o.doc -> 'lines') AS l
), sold AS (
    SELECT id, sum(qty) AS units, sum(qty * price) AS revenue FROM line GROUP BY id
)
SELECT o.doc ->> 'country' AS country, count(*) AS orders, coalesce(sum(s.units), 0) AS units, coalesce(sum(s.revenue), 0.0) AS revenue,
       sum(coalesce((o.doc ->> 'shipping')::numeric, 0)) AS shipping
FROM orders o LEFT JOIN sold s USING (id) GROUP BY o.doc ->> 'country' ORDER BY revenue DESC;
%%answer guard
CREATE FUNCTION is_line(line jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (jsonb_typeof(line) = 'object' AND jsonb_typeof(line -> 'sku') = 'string' AND line ->> 'sku' <> ''
        AND CASE jsonb_typeof(line -> 'price') WHEN 'number' THEN (line ->> 'price')::numeric >= 0
            WHEN 'string' THEN line ->> 'price' ~ '^\d+(\.\d+)?$' END
        AND (NOT line ? 'qty' OR CASE jsonb_typeof(line -> 'qty') WHEN 'number' THEN (line ->> 'qty')::numeric >= 1
            AND (line ->> 'qty')::numeric = trunc((line ->> 'qty')::numeric) END)) IS TRUE
$$;
CREATE FUNCTION is_order(doc jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (jsonb_typeof(doc -> 'lines') = 'array' AND jsonb_typeof(doc -> 'country') = 'string' AND doc ->> 'country' ~ '^[A-Z][A-Z]$') IS NOT TRUE THEN
        RETURN false;
    ELSIF doc ? 'shipping' AND (jsonb_typeof(doc -> 'shipping') <> 'number' OR doc -> 'shipping' < '0') THEN
        RETURN false;
    END IF;
    RETURN (SELECT coalesce(bool_and(is_line(line)), true) FROM jsonb_array_elements(doc -> 'lines') AS line);
END $$;
ALTER TABLE orders ADD CHECK (is_order(doc)) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_doc_check;
%%answer total
ALTER TABLE orders ADD COLUMN total numeric NOT NULL DEFAULT 0;
CREATE FUNCTION set_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.total := coalesce((NEW.doc ->> 'shipping')::numeric, 0);
    SELECT NEW.total + coalesce(sum(coalesce((line ->> 'qty')::int, 1) * (line ->> 'price')::numeric), 0) INTO NEW.total
    FROM jsonb_array_elements(NEW.doc -> 'lines') AS line;
    RETURN NEW;
END $$;
CREATE TRIGGER set_total BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION set_total();
UPDATE orders SET doc = doc;
%%answer correct
DO $$
DECLARE
    tea record;
BEGIN
    FOR tea IN
        SELECT id, place - 1 AS at FROM orders CROSS JOIN LATERAL jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS entry(line, place)
        WHERE placed_at >= '2026-05-01' AND line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.3
    LOOP
        UPDATE orders SET doc['lines'][tea.at::int]['price'] = '3.9' WHERE id = tea.id;
    END LOOP;
END $$;
