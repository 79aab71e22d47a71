-- fails: test_revenue — the carried column in the middle: all orders of the shop are read
%%answer revenue
DROP INDEX IF EXISTS orders_list;
CREATE INDEX ON orders (shop_id, total_cents, placed_at);
