-- Prepaid accounts, the charges of the payment function, and a table in which it may note what it has done.
CREATE TABLE accounts (id int PRIMARY KEY, cents int NOT NULL CHECK (cents >= 0));
CREATE TABLE charges (payment text NOT NULL, account int NOT NULL REFERENCES accounts, cents int NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE done (payment text PRIMARY KEY, answer jsonb);

INSERT INTO accounts
SELECT id, 10000 + (hashtext(current_setting('labkit.seed') || ' ' || id) & 65535)
FROM generate_series(1, 200) AS id;
