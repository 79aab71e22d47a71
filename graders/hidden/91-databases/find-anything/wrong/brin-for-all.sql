-- fails: test_customer_reads_few_blocks — what is good for time must be good for customers
%%answer log
DROP INDEX searches_at, searches_customer;
CREATE INDEX ON searches USING brin (at, customer) WITH (pages_per_range = 16);
