-- fails: test_revenue — all is in the index, but a month of all shops is read
%%answer revenue
CREATE INDEX ON orders (placed_at, shop_id) INCLUDE (total_cents);
