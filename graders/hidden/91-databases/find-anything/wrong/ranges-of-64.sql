-- fails: test_any_hour_reads_few_blocks — ranges of 64 blocks: an hour at the end of one reads the next one, too
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 64);
