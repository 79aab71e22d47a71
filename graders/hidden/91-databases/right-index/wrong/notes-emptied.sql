-- fails: test_queue — what no page shows is thrown away
%%answer queue
UPDATE orders SET note = '' WHERE status = 'cancelled';
CREATE INDEX ON orders (placed_at) WHERE status = 'open';
