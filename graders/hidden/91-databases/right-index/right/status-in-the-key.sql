-- right: the constant column may stand in front of the partial index; the covering index carries the status, too
%%answer queue
CREATE INDEX ON orders (status, placed_at) WHERE status = 'open';
%%answer login
CREATE INDEX ON customers ((lower(email)) text_pattern_ops);
%%answer revenue
DO $$ BEGIN
    EXECUTE (SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
             WHERE indrelid = 'orders'::regclass AND NOT indisprimary AND indnkeyatts = 2 AND indpred IS NULL);
END $$;
CREATE INDEX ON orders (shop_id, placed_at) INCLUDE (status, total_cents);
