-- What is printed, which events were answered, and which were refused. The orders come as events, so the tables begin empty.
CREATE TABLE prints (key text NOT NULL, photo text NOT NULL, copies int NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE answers (key text PRIMARY KEY, answer jsonb NOT NULL);
CREATE TABLE refused (source text NOT NULL, id text NOT NULL, why text NOT NULL);
