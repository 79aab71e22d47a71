-- right: the words that the query has, counted in the title first; both indexes renamed
%%answer words
ALTER TABLE products ADD COLUMN body tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || coalesce(description, ''))) STORED,
    ADD COLUMN head tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED;
CREATE INDEX body_words ON products USING gin (body) WITH (fastupdate = off);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    WITH q AS (SELECT plainto_tsquery('english', wanted) AS words), found AS (
        SELECT p.id, p.title, p.head @@ words AS in_title, ts_rank(p.body, words) AS rank FROM products AS p, q WHERE p.body @@ words)
    SELECT found.id, found.title FROM found ORDER BY in_title DESC, rank DESC, found.id
$$;
%%answer names
CREATE INDEX customers_name ON customers USING gin (name gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.3 AS $$
    SELECT c.id, c.name FROM customers AS c WHERE c.name %> wanted ORDER BY c.name <->> wanted, c.id LIMIT 5
$$;
%%answer log
CREATE INDEX by_time ON searches USING brin (at) WITH (pages_per_range = 10);
DROP INDEX searches_at;
