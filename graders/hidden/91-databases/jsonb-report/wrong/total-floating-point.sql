-- fails: test_total_of_every_order — money as floating point
%%answer total
CREATE FUNCTION order_total(doc jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((doc ->> 'shipping')::float8, 0) + coalesce(sum(qty * price), 0)
    FROM JSON_TABLE(doc, '$.lines[*]' COLUMNS (qty int PATH '$.qty' DEFAULT 1 ON EMPTY, price float8 PATH '$.price'))
$$;
ALTER TABLE orders ADD COLUMN total float8 GENERATED ALWAYS AS (order_total(doc)) STORED;
