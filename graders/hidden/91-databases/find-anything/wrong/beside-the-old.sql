-- fails: test_log_index_is_small — the new index beside the old one
%%answer log
CREATE INDEX searches_at_brin ON searches USING brin (at) WITH (pages_per_range = 16);
