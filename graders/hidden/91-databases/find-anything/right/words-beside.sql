-- right: the words stand in a table of their own, which triggers keep; the nearest names by GiST; ranges of 16 blocks
%%answer words
CREATE TABLE product_words (id bigint PRIMARY KEY REFERENCES products ON DELETE CASCADE, title text, in_title tsvector, in_all tsvector);
CREATE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO product_words VALUES (NEW.id, NEW.title, to_tsvector('english', NEW.title), to_tsvector('english', concat_ws(' ', NEW.title, NEW.description)))
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, in_title = excluded.in_title, in_all = excluded.in_all;
    RETURN NULL; END $$;
CREATE TRIGGER keep_words AFTER INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION keep_words();
INSERT INTO product_words SELECT id, title, to_tsvector('english', title), to_tsvector('english', concat_ws(' ', title, description)) FROM products;
CREATE INDEX ON product_words USING gin (in_all);
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT w.id, w.title FROM product_words AS w, plainto_tsquery('english', wanted) AS q
    WHERE w.in_all @@ q ORDER BY (w.in_title @@ q) DESC, ts_rank(w.in_all, q) DESC, w.id
$$;
%%answer names
CREATE INDEX ON customers USING gist (name gist_trgm_ops);
CREATE FUNCTION find_customers(wanted text) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.name FROM customers AS c ORDER BY wanted <<-> c.name LIMIT 5
$$;
%%answer log
DROP INDEX searches_at;
CREATE INDEX searches_at ON searches USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
