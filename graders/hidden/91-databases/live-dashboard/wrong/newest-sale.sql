-- fails: test_page_says_how_old_it_is — the newest day in the data does not move when only old orders come
%%answer page
SELECT day, shop, orders, revenue, max(day::timestamptz) OVER () AS as_of FROM daily_sales;
