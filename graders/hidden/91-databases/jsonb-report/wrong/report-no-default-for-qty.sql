-- fails: test_report_units_and_revenue — a line without qty is NULL pieces, and sum() passes over it in silence
%%answer report
SELECT doc ->> 'country' AS country, count(*) AS orders, coalesce(sum(units), 0) AS units, coalesce(sum(revenue), 0) AS revenue,
       coalesce(sum((doc ->> 'shipping')::numeric), 0) AS shipping
FROM orders, LATERAL (SELECT sum(qty) AS units, sum(qty * price) AS revenue
    FROM jsonb_to_recordset(doc -> 'lines') AS l(qty int, price numeric)) GROUP BY 1;
