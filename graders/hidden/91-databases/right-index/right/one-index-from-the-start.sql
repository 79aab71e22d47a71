-- right: the first index already carries what the last query needs; the queue from its index alone; a hash index for the login
%%answer list
CREATE INDEX CONCURRENTLY ON orders (shop_id, placed_at) INCLUDE (total_cents);
%%answer queue
CREATE INDEX ON orders (placed_at) INCLUDE (id, shop_id) WHERE status = 'open';
%%answer login
CREATE INDEX ON customers USING hash (lower(email));
%%answer revenue
-- the index of the order list does it already
ANALYZE orders;
