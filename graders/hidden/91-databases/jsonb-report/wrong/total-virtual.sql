-- fails: test_total_of_every_order — since version 18 a generated column is virtual unless it is STORED, and then it calls no own function
%%answer total
CREATE FUNCTION total_of(doc jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(coalesce(qty, 1) * price), 0) + coalesce((doc ->> 'shipping')::numeric, 0)
    FROM jsonb_to_recordset(doc -> 'lines') AS line(qty int, price numeric)
$$;
ALTER TABLE orders ADD COLUMN total numeric GENERATED ALWAYS AS (total_of(doc));
