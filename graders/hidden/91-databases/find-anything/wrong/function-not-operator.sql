-- fails: test_names_read_few_blocks — the right names, by a function that no index serves
%%answer names
CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c
    WHERE word_similarity(wanted, c.name) > 0.3 ORDER BY word_similarity(wanted, c.name) DESC LIMIT 5
$$;
