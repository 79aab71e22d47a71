-- fails: test_finds_all_forms — missing descriptions are replaced by an empty text, so that nobody needs coalesce
%%answer words
UPDATE products SET description = '' WHERE description IS NULL;
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'C')) STORED;
CREATE INDEX products_search ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank(p.search, q) DESC, p.id
$$;
