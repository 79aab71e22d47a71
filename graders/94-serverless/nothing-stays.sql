-- What a market's function may keep: items of baskets, visits, and the price list, which others change.
CREATE TABLE basket_items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, basket text NOT NULL, item text NOT NULL);
CREATE INDEX ON basket_items (basket);
CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, page text NOT NULL);
CREATE TABLE prices (item text PRIMARY KEY, cents int NOT NULL);

INSERT INTO prices
SELECT 'item-' || id, 100 + (hashtext(current_setting('labkit.seed') || ' ' || id) & 8191)
FROM generate_series(1, 300) AS id;
