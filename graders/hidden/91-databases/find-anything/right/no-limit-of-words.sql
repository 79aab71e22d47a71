-- right: an or in the box is a word like others: each word is looked up by itself
%%answer words
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'C')) STORED;
CREATE INDEX products_search ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, plainto_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY (setweight(to_tsvector('english', p.title), 'A') @@ q) DESC, p.title, p.id
$$;
%%answer names
CREATE INDEX ON customers USING gist (name gist_trgm_ops(siglen = 32));
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.3 AS $$
    SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name ORDER BY wanted <<-> c.name LIMIT 5
$$;
%%answer log
DROP INDEX searches_at;
CREATE INDEX searches_at_small ON searches USING brin (at) WITH (pages_per_range = 24);
