-- fails: test_total_of_every_order — a generated column takes no subquery: Postgres says so
%%answer total
ALTER TABLE orders ADD COLUMN total numeric GENERATED ALWAYS AS (
    (SELECT sum((line ->> 'qty')::int * (line ->> 'price')::numeric) FROM jsonb_array_elements(doc -> 'lines') AS line)) STORED;
