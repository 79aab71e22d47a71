-- fails: test_words_read_few_blocks — there is an index, on another expression than the one asked for
%%answer words
CREATE INDEX ON products USING gin (to_tsvector('english', title || ' ' || coalesce(description, '')));
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS words,
        LATERAL (SELECT setweight(to_tsvector('english', p.title), 'A') || to_tsvector('english', coalesce(p.description, '')) AS document) AS d
    WHERE d.document @@ words
    ORDER BY ts_rank(d.document, words) DESC
$$;
