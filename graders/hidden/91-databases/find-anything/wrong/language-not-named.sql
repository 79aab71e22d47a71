-- fails: test_finds_all_forms — the language is left to a setting, which a generated column refuses
%%answer words
ALTER TABLE products ADD COLUMN document tsvector GENERATED ALWAYS AS (to_tsvector(title || ' ' || coalesce(description, ''))) STORED;
CREATE INDEX ON products USING gin (document);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p WHERE p.document @@ plainto_tsquery(wanted) ORDER BY ts_rank(p.document, plainto_tsquery(wanted)) DESC
$$;
