-- fails: test_finds_misspelt_names — the default threshold of 0.6 is too high where two letters are swapped
%%answer names
CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name LIMIT 5
$$;
