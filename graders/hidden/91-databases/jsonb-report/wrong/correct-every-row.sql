-- fails: test_only_those_rows_are_written — right everywhere, and every order since May is rewritten
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, '{lines}', (
    SELECT coalesce(jsonb_agg(CASE WHEN line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.30
        THEN jsonb_set(line, '{price}', '3.90') ELSE line END ORDER BY place), '[]')
    FROM jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place)))
WHERE placed_at >= '2026-05-01';
