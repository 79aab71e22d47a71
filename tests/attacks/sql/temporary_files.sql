-- Sorts more than fits into memory, to fill the disk with temporary files.
-- lab: jsonb-search
-- honest: 0
-- says: temporary file size exceeds
-- series: full
SET work_mem = '64kB';
CREATE TABLE sorted AS SELECT g FROM (SELECT g, repeat(g::text, 50) AS t FROM generate_series(1, 3000000) AS g) AS s ORDER BY t;
