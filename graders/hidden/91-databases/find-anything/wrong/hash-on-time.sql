-- fails: test_log_index_is_small — a hash index finds one moment, and no hour
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING hash (at);
