-- Shapes that the learner's own data has not: another large shop, whose orders are spread over the year; another that closed; a shop
-- with no order at all (902); an open order that is older than all others; customers with letters beyond ASCII and with no capital.
UPDATE orders SET shop_id = 900 WHERE id % 13 = 5 AND shop_id >= 100;
UPDATE orders SET shop_id = 901 WHERE id < 9000 AND id % 7 = 3 AND shop_id >= 100;
UPDATE orders SET status = 'open' WHERE id IN (17, 4242, 31000);
INSERT INTO customers (id, name, email, city, address) VALUES
    (30001, 'Zoë Ærø', 'Zoë.ÆRØ@Example.com', 'Turin', 'Long Street 1'),
    (30002, 'anna o''neill', 'anna.o''neill@example.com', 'Lyon', 'Long Street 2');
-- The old versions of the rows that were moved would make the table longer, and every scan of it.
CLUSTER orders USING orders_pkey;
