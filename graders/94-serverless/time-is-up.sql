-- Readings of the meters, the bills that are made of them, what each customer owes, and a table for how far a run has come.
CREATE TABLE accounts (customer int PRIMARY KEY, owes bigint NOT NULL);
CREATE TABLE readings (run text NOT NULL, customer int NOT NULL, kwh int NOT NULL, PRIMARY KEY (run, customer));
CREATE TABLE bills (run text NOT NULL, customer int NOT NULL, cents int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON bills (run, customer);
CREATE TABLE progress (run text PRIMARY KEY, customer int NOT NULL);

INSERT INTO accounts
SELECT customer, 500 + (hashtext(current_setting('labkit.seed') || ' owes ' || customer) & 4095) FROM generate_series(1, 300) AS customer;

INSERT INTO readings
SELECT run, customer, 80 + (hashtext(current_setting('labkit.seed') || ' ' || customer) & 511)
FROM (VALUES ('example', 6), ('june', 100)) AS runs (run, customers), generate_series(1, customers) AS customer;
