-- fails: test_login — an index for parts of words serves `=` as well, at thirty times the blocks
%%answer login
CREATE INDEX ON customers USING gin (lower(email) gin_trgm_ops);
