-- fails: test_finds_all_forms — each word by its letters: no other forms, and "for" counts
%%answer words
CREATE FUNCTION find_products(wanted text) RETURNS TABLE (id bigint, title text) LANGUAGE sql STABLE AS $$
    SELECT p.id, p.title FROM products AS p
    WHERE (SELECT bool_and(concat_ws(' ', p.title, p.description) ILIKE '%' || word || '%') FROM regexp_split_to_table(wanted, '\s+') AS word)
    ORDER BY p.title ILIKE '%' || wanted || '%' DESC
$$;
