-- fails: test_indexes_are_within_budget — everything is dropped, and only the revenue's index made again
%%answer queue
CREATE INDEX orders_queue ON orders (placed_at) WHERE status = 'open';
%%answer revenue
DROP INDEX IF EXISTS orders_list, orders_queue;
CREATE INDEX ON orders (shop_id, placed_at) INCLUDE (total_cents);
