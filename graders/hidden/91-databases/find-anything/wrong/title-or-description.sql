-- fails: test_finds_all_forms — all words in the title, or all in the description: not one here and one there
%%answer words
CREATE INDEX ON products USING gin (to_tsvector('english', title));
CREATE INDEX ON products USING gin (to_tsvector('english', coalesce(description, '')));
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS q
    WHERE to_tsvector('english', p.title) @@ q OR to_tsvector('english', coalesce(p.description, '')) @@ q
    ORDER BY (to_tsvector('english', p.title) @@ q) DESC, p.id
$$;
