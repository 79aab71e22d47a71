-- fails: test_page_says_how_old_it_is — the cron job refreshes, and nobody writes down when
%%answer refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY daily_sales;
%%answer page
SELECT day, shop, orders, revenue, at AS as_of
FROM daily_sales, sales_as_of;
