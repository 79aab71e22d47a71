-- fails: test_nothing_else_changes — the line is rebuilt from what its author knew of it
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, '{lines}', (
    SELECT jsonb_agg(CASE WHEN line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.30
        THEN jsonb_build_object('sku', 'TEA-7', 'price', 3.90, 'qty', coalesce((line ->> 'qty')::int, 1)) ELSE line END ORDER BY place)
    FROM jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place)))
WHERE placed_at >= '2026-05-01' AND doc @? '$.lines[*] ? (@.sku == "TEA-7" && (@.price == 9.30 || @.price == "9.30"))';
