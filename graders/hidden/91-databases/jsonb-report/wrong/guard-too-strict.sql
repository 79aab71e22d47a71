-- fails: test_valid_documents_get_in — says what an order looks like today, not what the rules allow; the table's own rows are not asked
%%answer guard
ALTER TABLE orders ADD CHECK (coalesce(
    doc ->> 'country' ~ '^[A-Z]{2}$' AND jsonb_typeof(doc -> 'lines') = 'array' AND (doc ->> 'shipping')::numeric >= 0
    AND NOT doc @? '$.lines[*] ? (!exists (@ ? (@.type() == "object" && @.sku.type() == "string" && @.sku != ""
        && @.price >= 0 && @.qty.type() == "number" && @.qty >= 1 && @.qty % 1 == 0)))', false)) NOT VALID;
