-- fails: test_login — the right expression, for the customers of one domain
%%answer login
CREATE INDEX ON customers (lower(email)) WHERE email LIKE '%@Example.com';
