-- right: an index on expressions and no column; plainto_tsquery; order by two facts; the nearest by GiST; many small ranges
%%answer words
CREATE INDEX ON products USING gin ((to_tsvector('english', title || ' ' || coalesce(description, ''))));
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT id, title FROM products
    WHERE to_tsvector('english', title || ' ' || coalesce(description, '')) @@ plainto_tsquery('english', wanted)
    ORDER BY to_tsvector('english', title) @@ plainto_tsquery('english', wanted) DESC,
             ts_rank_cd(to_tsvector('english', title || ' ' || coalesce(description, '')), plainto_tsquery('english', wanted)) DESC
$$;
%%answer names
CREATE INDEX names_by_distance ON customers USING gist (name gist_trgm_ops (siglen = 64));
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT id, name FROM customers ORDER BY name <->> wanted LIMIT 5
$$;
%%answer log
CREATE INDEX ON searches USING brin (at) WITH (pages_per_range = 4, autosummarize = on);
DROP INDEX searches_at;
