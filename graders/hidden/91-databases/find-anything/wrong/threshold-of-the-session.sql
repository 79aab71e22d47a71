-- fails: test_finds_misspelt_names — the threshold is set once, in the session that makes the function
%%answer names
SET pg_trgm.word_similarity_threshold = 0.3;
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name, c.id LIMIT 5
$$;
