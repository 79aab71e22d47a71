-- fails: test_report_shipping — DISTINCT takes away what is equal, not what is repeated
%%answer report
SELECT doc ->> 'country' AS country, count(DISTINCT o.id) AS orders, coalesce(sum(qty), 0) AS units,
       coalesce(sum(qty * price), 0) AS revenue, coalesce(sum(DISTINCT (doc ->> 'shipping')::numeric), 0) AS shipping
FROM orders o LEFT JOIN LATERAL JSON_TABLE(doc, '$.lines[*]'
    COLUMNS (qty int PATH '$.qty' DEFAULT 1 ON EMPTY, price numeric PATH '$.price')) AS l ON true GROUP BY 1;
