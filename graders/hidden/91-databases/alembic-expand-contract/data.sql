-- Gaps between their numbers, and names that the learner's own data has not.
DELETE FROM customers WHERE id % 7 = 3;
UPDATE customers SET id = id + 40000 WHERE id > 3500;  -- a large one: there are far fewer customers than numbers
SELECT setval(pg_get_serial_sequence('customers', 'id'), max(id)) FROM customers;
UPDATE customers SET full_name = CASE id % 5
    WHEN 0 THEN 'Wolfe+585'
    WHEN 1 THEN 'María  del Carmen'                       -- two spaces: the second one belongs to the family name
    WHEN 2 THEN '李 小龙'
    WHEN 3 THEN 'O''Brien %s {x} \n'
    ELSE 'Anna Maria Luisa de'' Medici' END
WHERE id % 97 = 5;
