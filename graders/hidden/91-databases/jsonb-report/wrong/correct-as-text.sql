-- fails: test_nothing_else_changes — replaced in the text of the document: mugs that cost 9.30 become cheaper, too
%%answer correct
UPDATE orders SET doc = replace(replace(doc::text, '"price": 9.30', '"price": 3.90'), '"price": "9.30"', '"price": 3.90')::jsonb
WHERE placed_at >= '2026-05-01' AND doc @> '{"lines": [{"sku": "TEA-7"}]}' AND doc::text ~ '"price": "?9\.30';
