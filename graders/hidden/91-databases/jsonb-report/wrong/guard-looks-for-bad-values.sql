-- fails: test_malformed_documents_are_refused — in jsonpath, a missing price is not below 0, and a text is not below 1
%%answer guard
ALTER TABLE orders ADD CHECK (coalesce(
    doc ->> 'country' ~ '^[A-Z]{2}$' AND jsonb_typeof(doc -> 'lines') = 'array'
    AND NOT doc @? '$.shipping ? (@ < 0)'
    AND NOT doc @? '$.lines[*] ? (@.sku == "" || @.price < 0 || @.qty < 1)', false));
