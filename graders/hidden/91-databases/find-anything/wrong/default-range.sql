-- fails: test_hour_reads_few_blocks — ranges of 128 blocks, the default: an hour reads at least one of them
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (at);
