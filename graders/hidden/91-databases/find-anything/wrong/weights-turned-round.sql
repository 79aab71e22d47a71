-- fails: test_titles_come_first — D is taken for the best weight
%%answer words
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'D') || setweight(to_tsvector('english', coalesce(description, '')), 'A')) STORED;
CREATE INDEX products_search ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank(p.search, q) DESC, p.id
$$;
