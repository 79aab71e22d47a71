-- fails: test_readers_do_not_queue — a new view swapped in by name: DROP waits for the report, and all readers behind DROP
%%answer refresh
CREATE MATERIALIZED VIEW daily_sales_new AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON daily_sales_new (day, shop);
DROP MATERIALIZED VIEW daily_sales;
ALTER MATERIALIZED VIEW daily_sales_new RENAME TO daily_sales;
UPDATE sales_as_of SET at = now();
