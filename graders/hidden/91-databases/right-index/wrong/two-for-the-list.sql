-- fails: test_order_list — the right index, and one more "to be safe"
%%answer list
CREATE INDEX ON orders (shop_id, placed_at);
CREATE INDEX ON orders (placed_at);
