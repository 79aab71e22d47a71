CREATE TABLE item (id int PRIMARY KEY, word text NOT NULL, price numeric);
INSERT INTO item SELECT g, 'word ' || g, CASE WHEN g % 10 > 0 THEN g END FROM generate_series(1, 2000) AS g;
