-- fails: test_order_list — the columns in the order of the ORDER BY: fine for a large shop, a walk through the year for one that closed
%%answer list
CREATE INDEX ON orders (placed_at DESC, shop_id);
