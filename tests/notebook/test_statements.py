"""Which statement is explained."""

from __future__ import annotations

import pytest

from labkit.kinds.sql.statements import split, to_explain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("-- your SQL here", []),
        (" ; ;; ", []),
        ("SELECT 1", ["SELECT"]),
        ("select ';' ; values (1)", ["SELECT", "VALUES"]),
        ("SELECT 'it''s; fine'; SELECT 2", ["SELECT", "SELECT"]),
        (r"SELECT E'a\';b'; SELECT 2", ["SELECT", "SELECT"]),
        ('SELECT 1 AS "a;b"; UPDATE t SET x = 1', ["SELECT", "UPDATE"]),
        ("-- a;b\nSELECT 1 -- c;d", ["SELECT"]),
        ("/* a; b */ WITH x AS (SELECT 1) SELECT * FROM x;", ["WITH"]),
        ("DO $$ BEGIN PERFORM 1; END $$; SELECT 2", ["DO", "SELECT"]),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ SELECT 1; $body$; SELECT $1", ["CREATE", "SELECT"]),
        ("SELECT a$b; SELECT c$b", ["SELECT", "SELECT"]),
        ("SELECT 'never closed; SELECT 1", ["SELECT"]),
    ],
)
def test_statements(text, words):
    assert [word for _, word in split(text)] == words


def test_the_last_one_that_has_a_plan():
    assert to_explain("CREATE TABLE t (); SELECT 1 ; SET x = 1;") == ("SELECT 1", "SELECT")
    assert to_explain("CREATE TABLE t ()") is None
