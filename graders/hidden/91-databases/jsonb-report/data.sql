-- Shapes that the learner's own data has not: a country whose only orders have no lines; three wrong prices in one order; the price as
-- the text "9.30" and as 9.300; an order at the first moment of May, and one just before it; another key that holds 9.30; a sku in small letters.
INSERT INTO orders (id, placed_at, doc) VALUES
    (20001, '2026-03-01', '{"country": "MT", "lines": []}'),
    (20002, '2026-03-02', '{"country": "MT", "lines": [], "shipping": 8.50}'),
    (20003, '2026-05-01 00:00+00', '{"country": "DE", "lines": [{"sku": "TEA-7", "price": 9.30}, {"sku": "MUG-3", "price": 9.30, "qty": 2}, {"sku": "TEA-7", "price": "9.30", "qty": 3}, {"sku": "TEA-7", "price": 9.300, "qty": 1}]}'),
    (20004, '2026-04-30 23:59:59+00', '{"country": "DE", "lines": [{"sku": "TEA-7", "price": 9.30}]}'),
    (20005, '2026-05-20', '{"country": "PT", "shipping": 9.30, "lines": [{"sku": "TEA-7", "price": 0, "qty": 9}, {"sku": "TEA-7", "price": 9.3, "list": 9.30, "qty": 5}]}'),
    (20006, '2026-05-21', '{"country": "FR", "shipping": 0, "lines": [{"sku": "tea-7", "price": 9.30, "qty": 5}, {"sku": "TEA-70", "price": 9.30}, {"sku": "TEA-7", "price": "9.30"}]}'),
    (20007, '2026-05-22', '{"country": "PL", "shipping": 8.50, "lines": [{"sku": "POT-11", "price": "0.10"}, {"sku": "POT-11", "price": 0.2, "qty": 3}], "replaces": {"sku": "TEA-7", "price": 9.30}}');
