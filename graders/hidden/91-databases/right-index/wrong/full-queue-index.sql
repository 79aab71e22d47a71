-- fails: test_queue_index_is_small — quick, but it holds a hundred orders for each one that is shown
%%answer queue
CREATE INDEX ON orders (status, placed_at);
