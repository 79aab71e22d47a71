-- fails: test_malformed_documents_are_refused — tried with orders of one line
%%answer guard
ALTER TABLE orders ADD CHECK (coalesce(
    doc ->> 'country' ~ '^[A-Z]{2}$' AND jsonb_typeof(doc -> 'lines') = 'array'
    AND coalesce((doc ->> 'shipping')::numeric >= 0, true)
    AND (doc -> 'lines' = '[]' OR doc #>> '{lines,0,sku}' <> '' AND (doc #>> '{lines,0,price}')::numeric >= 0
         AND coalesce((doc #>> '{lines,0,qty}')::int >= 1, true)), false));
