-- fails: test_finds_products_that_come_later — the column is written by a trigger on INSERT: another title is never noticed
%%answer words
ALTER TABLE products ADD COLUMN search tsvector;
UPDATE products SET search = setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'C');
CREATE FUNCTION fill_search() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.search := setweight(to_tsvector('english', NEW.title), 'A') || setweight(to_tsvector('english', coalesce(NEW.description, '')), 'C');
    RETURN NEW; END $$;
CREATE TRIGGER fill_search BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION fill_search();
CREATE INDEX ON products USING gin (search);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS q
    WHERE p.search @@ q ORDER BY ts_rank(p.search, q) DESC, p.id
$$;
