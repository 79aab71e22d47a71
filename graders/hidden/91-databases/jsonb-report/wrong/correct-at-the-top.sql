-- fails: test_tea_is_corrected — `||` puts the key where the document begins
%%answer correct
UPDATE orders SET doc = doc || '{"price": 3.90}'
WHERE placed_at >= '2026-05-01' AND doc @> '{"lines": [{"sku": "TEA-7", "price": 9.30}]}';
