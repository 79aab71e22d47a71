-- fails: test_titles_come_first — one text like the other: a title is worth no more than a description
%%answer words
ALTER TABLE products ADD COLUMN document tsvector GENERATED ALWAYS AS (
    to_tsvector('english', title || ' ' || coalesce(description, ''))
) STORED;
CREATE INDEX ON products USING gin (document);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS words
    WHERE p.document @@ words
    ORDER BY ts_rank(p.document, words) DESC
$$;
