-- right: weights A and B with numbers of its own in ts_rank; the threshold is set where the names are asked for; four blocks a range
%%answer words
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B')) STORED;
CREATE INDEX products_search ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, plainto_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank('{0, 0, 0.01, 1}', p.search, q) DESC, p.id
$$;
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.3', true);
    RETURN QUERY SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name LIMIT 5;
END $$;
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 12);
