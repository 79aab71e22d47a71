-- fails: test_nothing_else_changes — every TEA-7 is 3.90 now, also what was given away
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, '{lines}', (
    SELECT jsonb_agg(CASE WHEN line ->> 'sku' = 'TEA-7' THEN jsonb_set(line, '{price}', '3.90') ELSE line END ORDER BY place)
    FROM jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place)))
WHERE placed_at >= '2026-05-01' AND doc @> '{"lines": [{"sku": "TEA-7"}]}';
