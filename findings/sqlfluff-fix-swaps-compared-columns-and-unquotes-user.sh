#!/usr/bin/env bash
# sqlfluff 4.5.0, dialect postgres, default rules.
# `sqlfluff fix` is for style: one would expect the same rows afterwards. Rule ST06 puts plain columns in front of calculated ones, also
# in a subquery that is compared by position: (name, shop) IN (SELECT lower(name), shop …) becomes (SELECT shop, lower(name) …). And
# rule RF06 takes the quotes off "user": in Postgres a column before, afterwards the function CURRENT_USER. Neither is an error.
# The first is shown with rows, in SQLite, which compares rows as Postgres does: one row before, none after.
# That RF06 and keywords get in each other's way is known (github.com/sqlfluff/sqlfluff issues 5407, 7072); the change of meaning is not said.
# Why it matters: people run `fix` over a folder of migrations and views, and grade formatted SQL.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile sqlfluff==4.5.0
venv/bin/python - >seen <<'PY'
import sqlite3

import sqlfluff

QUERY = "SELECT price FROM offers WHERE (name, shop) IN (SELECT lower(name), shop FROM wanted)\n"
database = sqlite3.connect(":memory:")
database.executescript("""
    CREATE TABLE offers (name text, shop text, price int);
    INSERT INTO offers VALUES ('tea', 'north', 3);
    CREATE TABLE wanted (name text, shop text);
    INSERT INTO wanted VALUES ('TEA', 'north');
""")
fixed = sqlfluff.fix(QUERY, dialect="postgres")
print("before:", database.execute(QUERY).fetchall(), "after:", database.execute(fixed).fetchall())
print(" ".join(fixed.split()))
for query in ('SELECT "user" FROM logins\n', 'SELECT "system_user" FROM logins\n'):
    print(query.strip(), "becomes", sqlfluff.fix(query, dialect="postgres").strip())
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
before: [(3,)] after: []
SELECT price FROM offers WHERE (name, shop) IN (SELECT shop, lower(name) FROM wanted)
SELECT "user" FROM logins becomes SELECT user FROM logins
SELECT "system_user" FROM logins becomes SELECT system_user FROM logins
EXPECTED
