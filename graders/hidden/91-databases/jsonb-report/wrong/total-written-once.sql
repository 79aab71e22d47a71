-- fails: test_total_follows_the_document — a column that was right on the day it was filled
%%answer total
ALTER TABLE orders ADD COLUMN total numeric;
UPDATE orders SET total = coalesce((doc ->> 'shipping')::numeric, 0) + coalesce((
    SELECT sum(coalesce((line ->> 'qty')::int, 1) * (line ->> 'price')::numeric) FROM jsonb_array_elements(doc -> 'lines') AS line), 0);
