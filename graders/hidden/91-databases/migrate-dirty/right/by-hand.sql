-- right: everything is finished by hand, and the version said that is then true
%%answer recovery
# the same statements as in the files
psql -c "DROP INDEX CONCURRENTLY IF EXISTS customers_email"
psql -c "
  ALTER TABLE customers ADD COLUMN duplicate_of integer;
  WITH known AS (SELECT id, first_value(id) OVER (PARTITION BY lower(email) ORDER BY id) AS first FROM customers WHERE email <> '')
  UPDATE customers AS c SET duplicate_of = first FROM known WHERE known.id = c.id AND first <> c.id;"
psql -c "CREATE UNIQUE INDEX CONCURRENTLY customers_address ON customers (lower(email)) WHERE duplicate_of IS NULL"
migrate force 5
migrate up
