-- fails: test_as_of_never_flatters — the clock after the refresh: the data is of before it
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
UPDATE sales_as_of SET at = clock_timestamp();
%%answer page
SELECT day, shop, orders, revenue, at AS as_of
FROM daily_sales, sales_as_of;
