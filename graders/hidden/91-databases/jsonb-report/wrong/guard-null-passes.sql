-- fails: test_malformed_documents_are_refused — each condition is right, and NULL where its key is missing, which a CHECK lets through
%%answer guard
ALTER TABLE orders ADD CHECK (
    doc ->> 'country' ~ '^[A-Z]{2}$'
    AND jsonb_typeof(doc -> 'lines') = 'array'
    AND (doc -> 'shipping' IS NULL OR jsonb_typeof(doc -> 'shipping') = 'number' AND (doc ->> 'shipping')::numeric >= 0)
    AND NOT doc @? '$.lines[*] ? (!exists (@ ? (@.type() == "object" && @.sku.type() == "string" && @.sku != ""
        && (@.price >= 0 || @.price like_regex "^[0-9]+([.][0-9]+)?$")
        && (!exists (@.qty) || @.qty.type() == "number" && @.qty >= 1 && @.qty % 1 == 0))))');
