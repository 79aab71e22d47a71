-- fails: test_readers_do_not_wait — a time-out so short that the job gives up where it may have to wait for orders
%%answer refresh
SET lock_timeout = '50ms';
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
UPDATE sales_as_of SET at = now();
