-- fails: test_login — the column is indexed already; the query compares something else
%%answer login
CREATE INDEX ON customers (email);
