-- fails: test_order_list — every column its own index; the planner can use one of them at a time for this
%%answer list
CREATE INDEX ON orders (shop_id);
CREATE INDEX ON orders (placed_at);
