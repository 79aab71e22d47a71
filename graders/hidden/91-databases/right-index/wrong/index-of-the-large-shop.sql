-- fails: test_order_list — made for the shop that complained
%%answer list
CREATE INDEX ON orders (placed_at) WHERE shop_id = 12;
