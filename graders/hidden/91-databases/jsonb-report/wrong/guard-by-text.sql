-- fails: test_other_malformed_documents_are_refused — `->>` makes text of everything, so 7 is a sku and "4.90" is a shipping
%%answer guard
CREATE FUNCTION is_line(line jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(line ->> 'sku' <> '' AND line ->> 'price' ~ '^\d+(\.\d+)?$'
        AND (NOT line ? 'qty' OR jsonb_typeof(line -> 'qty') = 'number' AND line ->> 'qty' ~ '^[1-9]\d*$'), false)
$$;
CREATE FUNCTION is_order(doc jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF doc ->> 'country' !~ '^[A-Z]{2}$' OR doc ->> 'country' IS NULL OR jsonb_typeof(doc -> 'lines') IS DISTINCT FROM 'array'
       OR doc ->> 'shipping' !~ '^\d+(\.\d+)?$' THEN RETURN false; END IF;
    RETURN NOT EXISTS (SELECT FROM jsonb_array_elements(doc -> 'lines') AS line WHERE NOT is_line(line));
END $$;
ALTER TABLE orders ADD CHECK (is_order(doc));
