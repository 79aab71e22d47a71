-- fails: test_login — a generated column holds the right value, but the query does not name it
%%answer login
ALTER TABLE customers ADD COLUMN email_lower text GENERATED ALWAYS AS (lower(email)) STORED;
CREATE INDEX ON customers (email_lower);
