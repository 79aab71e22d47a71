-- fails: test_finds_all_forms — any of the words is enough
%%answer words
ALTER TABLE products ADD COLUMN document tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'B')
) STORED;
CREATE INDEX ON products USING gin (document);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, to_tsquery('english', regexp_replace(trim(wanted), '\s+', ' | ', 'g')) AS words
    WHERE p.document @@ words
    ORDER BY ts_rank(p.document, words) DESC
$$;
