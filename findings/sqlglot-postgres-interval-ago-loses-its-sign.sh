#!/usr/bin/env bash
# sqlglot 30.30.0, read as postgres and written as postgres.
# One would expect the same query, in another layout. Two of Postgres' spellings of an interval become another value, without an error:
# '… ago', which turns the sign, is dropped, so that what lay in the past lies in the future; and interval(p), whose p is the number of
# digits after the second's point, becomes a sum of p seconds and the interval.
# Literals of other bases (Postgres 16 and newer) change too: 0x1F is the integer 31, x'1F' is a bit string.
# PostgreSQL 18.6 says of the four, before and after: -2 days, 2 days; 00:00:02, 00:00:01.6; 00:00:10, 00:00:13; 31, 00011111.
# The sign of '-1 month' was lost in the same way and is mended (github.com/tobymao/sqlglot issue 4999); 'ago' is not.
# Sources: postgresql.org/docs/18/datatype-datetime.html (8.5.4) and sql-syntax-lexical.html (4.1.2.6).
# Why it matters: sqlglot formats migrations, rewrites queries for lineage, and compares two queries by their canonical text.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile sqlglot==30.30.0
venv/bin/python - >seen <<'PY'
import sqlglot

for query in (
    "SELECT INTERVAL '2 days ago'",
    "SELECT INTERVAL(0) '1.6 seconds'",
    "SELECT INTERVAL(3) '10 seconds'",
    "SELECT 0x1F",
):
    print(query, "becomes", sqlglot.transpile(query, read="postgres", write="postgres")[0])
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
SELECT INTERVAL '2 days ago' becomes SELECT INTERVAL '2 DAYS'
SELECT INTERVAL(0) '1.6 seconds' becomes SELECT INTERVAL '0' + INTERVAL '1.6 SECONDS'
SELECT INTERVAL(3) '10 seconds' becomes SELECT INTERVAL '3' + INTERVAL '10 SECONDS'
SELECT 0x1F becomes SELECT x'1F'
EXPECTED
