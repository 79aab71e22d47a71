-- fails: test_report_shipping — a country that ships nothing has NULL
%%answer report
SELECT doc ->> 'country' AS country, count(*) AS orders, sum(units) AS units, sum(revenue) AS revenue,
       sum((doc ->> 'shipping')::numeric) AS shipping
FROM orders, LATERAL (SELECT sum(coalesce(qty, 1)) AS units, sum(coalesce(qty, 1) * price) AS revenue
    FROM jsonb_to_recordset(doc -> 'lines') AS l(qty int, price numeric)) GROUP BY 1;
