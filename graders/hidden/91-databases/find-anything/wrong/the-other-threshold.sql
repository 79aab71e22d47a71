-- fails: test_finds_misspelt_names — the setting belongs to %, and the operator is <%
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.similarity_threshold = 0.3 AS $$
    SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name, c.id LIMIT 5
$$;
