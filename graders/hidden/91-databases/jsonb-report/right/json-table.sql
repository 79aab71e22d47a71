-- right: one JSON_TABLE with a nested path whose first row carries the order's own values; a CHECK that counts the good lines
%%answer report
SELECT country, count(*) FILTER (WHERE first) AS orders, coalesce(sum(qty), 0) AS units, coalesce(sum(qty * price), 0) AS revenue,
       coalesce(sum(shipping) FILTER (WHERE first), 0) AS shipping
FROM (
    SELECT country, shipping, price, CASE WHEN place IS NOT NULL THEN coalesce(qty, 1) END AS qty, coalesce(place, 1) = 1 AS first
    FROM orders, JSON_TABLE(doc, '$' COLUMNS (country text PATH '$.country', shipping numeric PATH '$.shipping',
        NESTED PATH '$.lines[*]' COLUMNS (place FOR ORDINALITY, qty int PATH '$.qty', price numeric PATH '$.price')))
) AS line GROUP BY country
%%answer guard
ALTER TABLE orders ADD CONSTRAINT ok CHECK (
    CASE WHEN jsonb_typeof(doc) = 'object' AND jsonb_typeof(doc -> 'lines') = 'array' AND jsonb_typeof(doc -> 'country') = 'string'
    THEN doc ->> 'country' SIMILAR TO '[A-Z]{2}'
        AND (NOT doc ? 'shipping' OR jsonb_path_exists(doc, 'strict $.shipping ? (@.type() == "number" && @ >= 0)', silent => true))
        AND jsonb_array_length(doc -> 'lines') = jsonb_array_length(jsonb_path_query_array(doc, 'strict $.lines[*] ? (
            @.type() == "object" && @.sku.type() == "string" && @.sku starts with "" && !(@.sku == "")
            && (@.price.type() == "number" && @.price >= 0 || @.price.type() == "string" && @.price like_regex "^\\d+(\\.\\d+)?$")
            && (!exists(@.keyvalue() ? (@.key == "qty")) || @.qty.type() == "number" && @.qty >= 1 && @.qty.floor() == @.qty))'))
    ELSE false END);
%%answer total
CREATE OR REPLACE FUNCTION public.sum_of(jsonb) RETURNS numeric IMMUTABLE PARALLEL SAFE RETURN (
    SELECT coalesce(sum(coalesce((line ->> 'qty')::numeric, 1) * (line ->> 'price')::numeric), 0) FROM jsonb_array_elements($1 -> 'lines') AS line
) + coalesce(($1 ->> 'shipping')::numeric, 0);
ALTER TABLE orders ADD total numeric(12, 2) GENERATED ALWAYS AS (public.sum_of(doc)) STORED;
%%answer correct
WITH corrected AS (
    SELECT id, jsonb_agg(line || CASE WHEN tea THEN '{"price": 3.9}' ELSE '{}' END::jsonb ORDER BY place) AS lines
    FROM (
        SELECT id, place, line, line ->> 'sku' = 'TEA-7' AND (line ->> 'price')::numeric = 9.3 AS tea
        FROM orders, jsonb_array_elements(doc -> 'lines') WITH ORDINALITY AS e(line, place) WHERE placed_at >= '2026-05-01'
    ) AS entry GROUP BY id HAVING bool_or(tea)
)
UPDATE orders SET doc = jsonb_set(doc, '{lines}', corrected.lines) FROM corrected WHERE corrected.id = orders.id
