-- What a bike hire keeps: prices by zone, which others change, the rides that were billed, and the mails to come.
CREATE TABLE zones (zone text PRIMARY KEY, base int NOT NULL, rate int NOT NULL);
CREATE TABLE rides (ride text PRIMARY KEY, zone text NOT NULL, minutes int NOT NULL, cents int NOT NULL);
CREATE TABLE to_mail (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ride text NOT NULL);
CREATE TABLE mails (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ride text NOT NULL);

INSERT INTO zones
SELECT 'zone-' || id, 100 + (hashtext(current_setting('labkit.seed') || ' base ' || id) & 127), 10 + (hashtext(current_setting('labkit.seed') || ' rate ' || id) & 15)
FROM generate_series(1, 2000) AS id;
