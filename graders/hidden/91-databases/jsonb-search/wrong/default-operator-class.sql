-- fails: test_index_is_small — the default, because it is the default
%%answer index
CREATE INDEX ON events USING gin (doc);
