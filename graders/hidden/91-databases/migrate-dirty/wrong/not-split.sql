-- fails: test_goes_up — the index stays in 000003, with CONCURRENTLY, in one transaction with the rest
%%answer files
-- 000004_duplicates.up.sql
ALTER TABLE customers ADD COLUMN duplicate_of integer;
UPDATE customers AS again
SET duplicate_of = original.id
FROM (SELECT lower(email) AS address, min(id) AS id FROM customers GROUP BY 1) AS original
WHERE lower(again.email) = original.address AND again.id > original.id;
-- 000004_duplicates.down.sql
ALTER TABLE customers DROP COLUMN duplicate_of;
