-- right: PL/pgSQL, a trigger instead of a generated column, the A and B of the manual, the threshold set in the body; minmax_multi
%%answer words
ALTER TABLE products ADD COLUMN tsv tsvector;
CREATE FUNCTION products_tsv() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.tsv := setweight(to_tsvector('english', NEW.title), 'A') || setweight(to_tsvector('english', coalesce(NEW.description, '')), 'B');
    RETURN NEW;
END $$;
CREATE TRIGGER tsv BEFORE INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION products_tsv();
UPDATE products SET title = title;
CREATE INDEX products_tsv ON products USING gin (tsv);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text, rank real) LANGUAGE plpgsql STABLE AS $$ BEGIN
    RETURN QUERY SELECT p.id, p.title, ts_rank(p.tsv, phrase) AS r FROM products p, plainto_tsquery('english', wanted) phrase
        WHERE p.tsv @@ phrase ORDER BY r DESC;
END $$;
%%answer names
CREATE INDEX ON customers USING gin (lower(name) gin_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text, score real) LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.3', true);
    RETURN QUERY SELECT c.id, c.name, word_similarity(lower(wanted), lower(c.name)) AS s FROM customers c
        WHERE lower(wanted) <% lower(c.name) ORDER BY s DESC LIMIT 5;
END $$;
%%answer log
DROP INDEX IF EXISTS searches_at;
CREATE INDEX searches_at ON searches USING brin (at timestamptz_minmax_multi_ops (values_per_range = 8)) WITH (pages_per_range = 32);
