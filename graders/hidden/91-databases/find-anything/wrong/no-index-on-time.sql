-- fails: test_log_index_is_small — the large index is dropped, and none takes its place
%%answer log
DROP INDEX searches_at;
