-- fails: test_page_says_how_old_it_is — the time of asking, which is always fresh
%%answer page
SELECT day, shop, orders, revenue, now() AS as_of FROM daily_sales;
