-- fails: test_log_index_is_small — as exact as can be: an entry for each block
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 1);
