-- fails: test_readers_do_not_wait — the form that everyone knows: it keeps readers out until it is done
%%answer refresh
REFRESH MATERIALIZED VIEW daily_sales;
UPDATE sales_as_of SET at = now();
