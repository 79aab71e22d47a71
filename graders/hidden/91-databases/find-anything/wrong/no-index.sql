-- fails: test_words_read_few_blocks — the right words, by a column without an index
%%answer words
ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'C')) STORED;
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank(p.search, q) DESC, p.id
$$;
