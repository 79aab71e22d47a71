-- fails: test_finds_products_that_come_later — the search reads a materialized view that nobody refreshes
%%answer words
CREATE MATERIALIZED VIEW searched AS
SELECT id, title, setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'D') AS document FROM products;
CREATE INDEX ON searched USING gin (document);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM searched AS p, websearch_to_tsquery('english', wanted) AS words
    WHERE p.document @@ words ORDER BY ts_rank(p.document, words) DESC, p.id
$$;
