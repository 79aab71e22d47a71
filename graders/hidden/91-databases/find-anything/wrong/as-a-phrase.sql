-- fails: test_finds_all_forms — the words must stand beside each other
%%answer words
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'C')) STORED;
CREATE INDEX products_search ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, phraseto_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank(p.search, q) DESC, p.id
$$;
