-- fails: test_finds_misspelt_names — five that are alike, in the order of the alphabet
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.3 AS $$
    SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY c.name LIMIT 5
$$;
