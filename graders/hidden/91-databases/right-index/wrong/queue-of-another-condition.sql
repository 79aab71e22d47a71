-- fails: test_queue — the planner must prove that the query's condition implies the index's, and this it cannot
%%answer queue
CREATE INDEX ON orders (placed_at) WHERE lower(status) = 'open';
