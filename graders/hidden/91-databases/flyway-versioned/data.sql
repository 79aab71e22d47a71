-- Discounts at the limit itself and just over it, and days on which every order was cancelled.
INSERT INTO shop.orders (placed_on, state, total, discount)
SELECT date '2026-04-12', 'sent', 10 + id, (ARRAY[50, 50.1, 500, 0, 49.9, 100])[1 + id % 6] FROM generate_series(1, 60) AS id;
INSERT INTO shop.orders (placed_on, state, total)
SELECT date '2026-04-20' + id % 3, 'cancelled', 5 + id FROM generate_series(1, 12) AS id;
INSERT INTO outlet.orders (placed_on, state, total, discount) SELECT '2026-04-12', 'placed', 7, 15 FROM generate_series(1, 25);
INSERT INTO outlet.vouchers VALUES ('closing-down', 500);
