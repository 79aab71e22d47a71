-- fails: test_login — the right expression, sorted by another collation than the query compares with
%%answer login
CREATE INDEX ON customers (lower(email) COLLATE "POSIX");
