-- fails: test_customer_reads_few_blocks — both indexes are replaced by one BRIN index on two columns
%%answer log
DROP INDEX searches_at;
DO $$ DECLARE i text; BEGIN FOR i IN SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'searches'::regclass AND NOT indisprimary LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END $$;
CREATE INDEX ON searches USING brin (at, customer) WITH (pages_per_range = 8);
