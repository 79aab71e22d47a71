-- fails: test_report_columns — money as floating point
%%answer report
SELECT doc ->> 'country' AS country, count(*) AS orders, sum(units) AS units, coalesce(sum(revenue), 0) AS revenue,
       coalesce(sum((doc ->> 'shipping')::float), 0) AS shipping
FROM orders, LATERAL (SELECT sum(coalesce(qty, 1)) AS units, sum(coalesce(qty, 1) * price) AS revenue
    FROM jsonb_to_recordset(doc -> 'lines') AS l(qty int, price float)) GROUP BY 1;
