-- right: descending, unique, all columns in the key instead of INCLUDE, other names, IF EXISTS
%%answer list
CREATE INDEX IF NOT EXISTS a ON public.orders USING btree (shop_id ASC, placed_at DESC);
%%answer queue
CREATE INDEX b ON orders (placed_at, id) WHERE status IN ('open');
%%answer login
CREATE UNIQUE INDEX c ON customers (lower(email));
%%answer revenue
CREATE INDEX d ON orders (shop_id, placed_at DESC, total_cents);
DROP INDEX IF EXISTS a;
