-- right: a cautious cron job: it gives up where it cannot get its own lock, and writes the age by upsert
%%answer dashboard
CREATE MATERIALIZED VIEW daily_sales AS
SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2;
ALTER MATERIALIZED VIEW daily_sales SET (fillfactor = 70);
CREATE UNIQUE INDEX ON daily_sales (shop, day);
CREATE TABLE freshness (name text PRIMARY KEY, at timestamptz);
INSERT INTO freshness SELECT 'daily_sales', statement_timestamp();
%%answer refresh
SET lock_timeout = '5s';
SET statement_timeout = '60s';
INSERT INTO freshness VALUES ('daily_sales', transaction_timestamp()) ON CONFLICT (name) DO UPDATE SET at = EXCLUDED.at;
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales WITH DATA;
ANALYZE daily_sales;
%%answer page
SELECT day, shop, orders, revenue, f.at AS as_of FROM daily_sales JOIN freshness f ON f.name = 'daily_sales';
