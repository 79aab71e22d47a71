-- fails: test_tea_is_corrected — the new price is a JSON text
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, '{lines}', (
    SELECT jsonb_agg(CASE WHEN line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.30
        THEN jsonb_set(line, '{price}', to_jsonb('3.90'::text)) ELSE line END ORDER BY place)
    FROM jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place)))
WHERE placed_at >= '2026-05-01' AND doc @? '$.lines[*] ? (@.sku == "TEA-7" && (@.price == 9.30 || @.price == "9.30"))';
