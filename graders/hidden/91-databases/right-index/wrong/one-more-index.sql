-- fails: test_indexes_are_within_budget — the covering index is right, and now the other one is a copy of its half
%%answer revenue
CREATE INDEX ON orders (shop_id, placed_at) INCLUDE (total_cents);
