-- fails: test_names_read_few_blocks — the nearest by distance alone: that takes GiST, as GIN gives no order
%%answer names
CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c ORDER BY wanted <<-> c.name LIMIT 5
$$;
