-- fails: test_order_list — what the WHERE compares with `=`, and nothing for the order: all orders of a large shop are sorted
%%answer list
CREATE INDEX orders_shop ON orders (shop_id) INCLUDE (status);
