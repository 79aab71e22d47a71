-- fails: test_finds_customers_who_come_later — the names are copied into a table of their own, once
%%answer names
CREATE TABLE names AS SELECT id, name FROM customers;
CREATE INDEX ON names USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.3 AS $$
    SELECT c.id, c.name FROM names AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name, c.id LIMIT 5
$$;
