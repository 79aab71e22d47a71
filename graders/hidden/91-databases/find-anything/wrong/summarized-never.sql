-- fails: test_hour_reads_few_blocks — the index is made while the table is empty, so it knows of no range
%%answer log
DROP INDEX searches_at;
CREATE TABLE kept AS SELECT * FROM searches;
TRUNCATE searches;
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 8);
INSERT INTO searches SELECT * FROM kept;
DROP TABLE kept;
