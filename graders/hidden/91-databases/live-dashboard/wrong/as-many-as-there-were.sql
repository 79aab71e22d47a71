-- fails: test_page_shows_the_view_in_other_data — the number of rows is what it was on the first day, and what brought in nothing is left out
%%answer page
SELECT day, shop, orders, revenue, at AS as_of FROM daily_sales, sales_as_of WHERE revenue > 0 LIMIT 1440
