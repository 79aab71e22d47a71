-- fails: test_finds_misspelt_names — the last name is compared with first and last name together
%%answer names
CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c WHERE c.name % wanted ORDER BY similarity(c.name, wanted) DESC LIMIT 5
$$;
