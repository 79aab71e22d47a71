-- right: a function of the product gives its words, and an index on that function
%%answer words
CREATE FUNCTION words_of(title text, description text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    SELECT setweight(to_tsvector('english', coalesce(title, '')), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B') $$;
CREATE INDEX ON products USING gin (words_of(title, description));
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p
    WHERE words_of(p.title, p.description) @@ plainto_tsquery('english', wanted)
    ORDER BY to_tsvector('english', p.title) @@ plainto_tsquery('english', wanted) DESC, ts_rank_cd(words_of(p.title, p.description), plainto_tsquery('english', wanted)) DESC
$$;
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.35 AS $$
    SELECT near.id, near.name FROM (SELECT c.id, c.name FROM customers AS c WHERE wanted <% c.name) AS near ORDER BY word_similarity(wanted, near.name) DESC, near.name LIMIT 5
$$;
%%answer log
DROP INDEX searches_at;
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 32);
