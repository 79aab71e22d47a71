-- fails: test_hour_reads_few_blocks — an index on the day, of which a question by the hour knows nothing
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (((at AT TIME ZONE 'UTC')::date)) WITH (pages_per_range = 8);
