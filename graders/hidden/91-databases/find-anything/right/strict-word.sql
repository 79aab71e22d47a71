-- right: two columns, and the title's decides first; strict word similarity
%%answer words
ALTER TABLE products ADD COLUMN heading tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED,
    ADD COLUMN everything tsvector GENERATED ALWAYS AS (to_tsvector('english', title || coalesce(E'\n' || description, ''))) STORED;
CREATE INDEX ON products USING gin (everything);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT id, title FROM products
    WHERE everything @@ websearch_to_tsquery('english', wanted)
    ORDER BY (heading @@ websearch_to_tsquery('english', wanted))::int DESC, id
$$;
%%answer names
CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE OR REPLACE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE
SET pg_trgm.strict_word_similarity_threshold = 0.25 AS $$
    SELECT id, name FROM customers WHERE wanted <<% name ORDER BY strict_word_similarity(wanted, name) DESC LIMIT 5
$$;
