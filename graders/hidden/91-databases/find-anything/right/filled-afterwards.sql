-- right: the index is made first, and filled afterwards by a trigger; the log's index knows of customers, too
%%answer words
ALTER TABLE products ADD COLUMN words tsvector;
CREATE INDEX products_words ON products USING gin (words);
CREATE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := setweight(to_tsvector('english', NEW.title), 'A') || setweight(to_tsvector('english', coalesce(NEW.description, '')), 'D');
    RETURN NEW;
END $$;
CREATE TRIGGER keep_words BEFORE INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION keep_words();
UPDATE products SET title = title;
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p, websearch_to_tsquery('english', wanted) AS query
    WHERE p.words @@ query ORDER BY ts_rank('{0, 0, 0, 1}', p.words, query) DESC, p.id
$$;
%%answer log
DROP INDEX searches_at;
CREATE INDEX searches_time ON searches USING brin (customer, at) WITH (pages_per_range = 16);
