-- fails: test_login — another function that would do the same, but is not the one in the query
%%answer login
CREATE INDEX ON customers (upper(email));
