-- fails: test_indexes_are_within_budget — an index that is a second table
%%answer revenue
DROP INDEX IF EXISTS orders_list;
CREATE INDEX ON orders (shop_id, placed_at) INCLUDE (total_cents, status, id, customer_id, note);
