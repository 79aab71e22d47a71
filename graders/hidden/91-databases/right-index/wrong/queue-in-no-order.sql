-- fails: test_queue — the WHERE is right, the column does not give the order
%%answer queue
CREATE INDEX ON orders (status) WHERE status = 'open';
