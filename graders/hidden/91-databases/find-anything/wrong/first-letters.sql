-- fails: test_finds_misspelt_names — the first four letters must be right
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c WHERE c.name ILIKE '%' || left(wanted, 4) || '%' ORDER BY wanted <<-> c.name LIMIT 5
$$;
