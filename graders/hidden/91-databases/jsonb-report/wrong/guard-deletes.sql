-- fails: test_valid_documents_get_in — what does not fit the CHECK is taken away first
%%answer guard
DELETE FROM orders WHERE doc @? '$.lines[*].price ? (@.type() == "string")';
ALTER TABLE orders ADD CHECK (coalesce(
    doc ->> 'country' ~ '^[A-Z]{2}$' AND jsonb_typeof(doc -> 'lines') = 'array'
    AND NOT doc @? '$.lines[*] ? (!exists (@ ? (@.sku != "" && @.price >= 0 && (!exists (@.qty) || @.qty >= 1))))', false));
