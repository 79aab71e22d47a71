"""What a learner sees of SQL that ran: rows, notices, errors with their place, the plan; and nothing happens twice."""

from __future__ import annotations

import threading

import psycopg
import pytest

from labkit.kinds.sql import sql_run
from labkit.kinds.sql.plan_tree import branches, plan_tree
from labkit.machine.fault import ServiceFault
from tests.patience import until


def count(database, table="item"):
    with database.connect() as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_rows_as_psql_prints_them(database):
    done = sql_run.run(
        database, "SELECT 1 AS one, NULL AS none, '{\"a\": \"<b>\"}'::jsonb AS doc, '[1,3)'::int4range, ''"
    )
    page = sql_run.page(done)
    assert page.text.splitlines()[:4] == [
        "one  | none | doc          | int4range | ?column?",
        "int4 | text | jsonb        | int4range | text",
        "-----+------+--------------+-----------+---------",
        '1    | NULL | {"a": "<b>"} | [1,3)     |',
    ]
    assert "&lt;b&gt;" in page.html
    assert '<b>"' not in page.html


def test_a_long_result_is_cut_and_counted(database):
    page = sql_run.page(sql_run.run(database, "SELECT repeat('x', 1000) FROM generate_series(1, 5000)"))
    assert "5,000 rows, the first 20 shown" in page.text
    assert "(1,000 characters)" in page.text
    assert len(page.html) < 20_000


def test_several_statements_show_the_last_rows_and_all_that_was_said(database):
    text = (
        "CREATE TABLE t (x int); DO $$ BEGIN RAISE WARNING 'mind the %', '<gap>'; END $$; SELECT 7 AS seven; SELECT 8"
    )
    done = sql_run.run(database, text)
    page = sql_run.page(done)
    assert done.changed
    assert done.notices == ["WARNING: mind the <gap>"]
    assert "&lt;gap&gt;" in page.html
    assert "CREATE TABLE · DO · 1 row · 1 row" in page.text
    assert "seven" not in page.text


@pytest.mark.parametrize(
    ("text", "line", "under"),
    [
        ("SELECT 1,\n  dox FROM item", "line 2:   dox FROM item", "dox"),
        ("SELECT 'ö', nix FROM item", "line 1: SELECT 'ö', nix FROM item", "nix"),
        ("SELEC 1", "line 1: SELEC 1", "SELEC"),
        ("SELECT (", "line 1: SELECT (", ""),
        (f"SELECT '{'a' * 300}', nix FROM item", None, "nix"),
    ],
)
def test_an_error_has_its_line_and_a_caret(database, text, line, under):
    done = sql_run.run(database, text)
    page = sql_run.page(done)
    shown, caret = page.text.splitlines()[1:3]
    assert page.text.startswith("ERROR: ")
    assert line is None or shown == line
    assert shown[caret.index("^") :].startswith(under)
    assert not done.changed


def test_an_error_has_the_hint_of_postgres(database):
    page = sql_run.page(sql_run.run(database, "SELECT wrd FROM item"))
    assert 'Hint: Perhaps you meant to reference the column "item.word".' in page.text


def test_an_explained_change_happens_once(database):
    assert sql_run.run(database, "INSERT INTO item VALUES (3001, 'new')").plan
    assert count(database) == 2001
    deleted = sql_run.run(database, "DELETE FROM item WHERE id <= 10")
    assert count(database) == 1991
    assert "rows expected" in plan_tree(deleted.plan).text
    sql_run.run(database, "WITH gone AS (DELETE FROM item WHERE id = 11 RETURNING id) SELECT * FROM gone")
    assert count(database) == 1990


def test_an_identity_is_not_used_up_by_the_plan(database):
    sql_run.run(database, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, x int)")
    sql_run.run(database, "INSERT INTO t (x) VALUES (1)")
    sql_run.run(database, "INSERT INTO t (x) VALUES (2)")
    assert [row[0] for row in sql_run.run(database, "SELECT id FROM t ORDER BY 1").results[-1].rows] == ["1", "2"]


def test_the_plan_marks_the_slowest_node_and_wrong_estimates(database):
    text = "SELECT count(*) FROM item a, item b WHERE a.id % 7 = b.id % 7"
    nodes = branches(sql_run.explained(database, text))
    assert [node.slowest for node in nodes].count(True) == 1
    assert max(nodes, key=lambda node: node.own or 0).slowest
    join = next(node for node in nodes if "Join" in node.label or "Loop" in node.label)
    assert join.seen == int(sql_run.run(database, text).results[-1].rows[0][0])
    assert "more than expected" in join.estimate
    page = plan_tree(sql_run.explained(database, text))
    assert "◀ slowest" in page.html
    assert "1 estimate off by 10× or more" in page.text


def test_a_plans_legend_explains_what_is_in_it(database):
    html = plan_tree(sql_run.explained(database, "SELECT word FROM item WHERE price > 5 ORDER BY word")).html
    assert '<details class="lk-legend"><summary>How to read this plan</summary>' in html  # folded
    for term in ("own time", "blocks", "Seq Scan", "Sort", "Filter"):
        assert f"<dt>{term}</dt>" in html
    for elsewhere in ("Hash Join", "Bitmap Heap Scan", "Recheck Cond"):
        assert elsewhere not in html


def test_a_limit_is_no_wrong_estimate(database):
    nodes = branches(sql_run.explained(database, "SELECT * FROM item LIMIT 1"))
    assert nodes[1].expected == 2000
    assert nodes[1].seen == 1
    assert not nodes[1].estimate
    below_a_sort = branches(
        sql_run.explained(database, "SELECT * FROM item WHERE id % 2 = id % 2 + 1 ORDER BY word LIMIT 1")
    )
    assert below_a_sort[-1].estimate == "10× fewer than expected"


def test_what_cannot_be_explained_says_so(database):
    with pytest.raises(ValueError, match="nothing here that has a plan"):
        sql_run.explained(database, "CREATE TABLE t ()")
    with pytest.raises(psycopg.errors.UndefinedTable):
        sql_run.explained(database, "SELECT * FROM nowhere")


def test_a_lost_session_is_the_courses_fault(database):
    """It is ended as soon as the server is at it."""

    def at_it() -> bool:
        with database.admin() as admin:
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%' AND usename = %s"
            return admin.execute(running, [database.role]).fetchone() == (1,)

    ends = threading.Thread(target=lambda: until(at_it) and database.end_sessions())
    ends.start()
    with pytest.raises(ServiceFault, match="Restart the service"):
        sql_run.run(database, "SELECT pg_sleep(3600)")
    ends.join()
