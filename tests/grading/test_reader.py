"""A session serves several answers one after the other, and none of them finds anything of the one before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.checking.checks import AnswerError, Wrong
from labkit.kinds.sql.answers import Reader
from labkit.services.postgres import GRADED, Database, Template, postgres

ROWS = Template(
    "reader",
    (
        "CREATE TABLE item (id int PRIMARY KEY, word text); INSERT INTO item SELECT n, 'w' || n FROM generate_series(1, 5000) AS n",
    ),
    seed=1,
)
ONE = "SELECT word FROM item WHERE id = 7"
WHO = "SELECT pg_backend_pid()"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres("grading-reader") as server, server.database(ROWS, limits=GRADED) as database:
        yield database


@pytest.fixture
def reader(database: Database) -> Iterator[Reader]:
    with Reader(database) as reader:
        yield reader


@pytest.mark.parametrize(
    ("leaves", "finds"),
    [
        ("SELECT set_config('enable_indexscan', 'off', false)", "SELECT current_setting('enable_indexscan') = 'on'"),
        ("SELECT set_config('mine.kept', 'text', false)", "SELECT coalesce(current_setting('mine.kept', true), '') = ''"),
        ("SELECT set_config('search_path', 'pg_temp', false)", "SELECT current_setting('search_path') = 'public'"),
        ("SELECT pg_advisory_lock(7)", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"),
        ("PREPARE mine AS SELECT 1; SELECT 1", "SELECT NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'mine')"),
        ("DECLARE mine CURSOR WITH HOLD FOR SELECT 1; SELECT 1", "SELECT NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'mine')"),
        ("LISTEN mine; SELECT 1", "SELECT NOT EXISTS (SELECT pg_listening_channels())"),
    ],
)  # fmt: skip
def test_what_one_leaves_in_its_session_the_next_does_not_find(reader: Reader, leaves: str, finds: str) -> None:
    before = reader.query(WHO).rows
    reader.query(leaves)
    assert reader.query(finds).rows == [(True,)]
    assert reader.query(WHO).rows == before  # else this would say nothing of sessions that are used again


def test_a_transaction_that_is_left_open_is_nobodys_else(reader: Reader) -> None:
    before = reader.query(WHO).rows
    assert reader.query("BEGIN; SELECT 1").rows == [(1,)]
    assert reader.query("SELECT current_setting('transaction_read_only')").rows == [("on",)]
    assert reader.query("SELECT pg_current_xact_id_if_assigned() IS NULL").rows == [(True,)]
    assert reader.query(WHO).rows == before  # it was rolled back, so the session is as good as new


def test_after_one_that_failed_or_took_too_long_it_goes_on(reader: Reader) -> None:
    with pytest.raises(AnswerError, match="division by zero"):
        reader.query("SELECT 1 / 0")
    with pytest.raises(AnswerError, match="was stopped"):
        reader.query("SELECT pg_sleep(3600)", deadline=0.2)
    assert reader.query(ONE).rows == [("w7",)]


def test_a_plan_is_looked_at_before_the_query_runs(reader: Reader) -> None:
    assert reader.explain(ONE).root.blocks > 0
    plans = []
    reader.explain(ONE, before=plans.append)
    assert "Execution Time" not in plans[0].data

    def refuse(plan: object) -> None:
        raise Wrong("Not this one.")

    with pytest.raises(Wrong):
        reader.explain("SELECT pg_sleep(3600)", before=refuse, deadline=10)


@pytest.mark.parametrize("asked", [Reader.query, Reader.explain])
def test_an_error_points_at_the_line_in_the_answer(reader: Reader, asked) -> None:
    with pytest.raises(AnswerError, match=r"\(line 2: FROM itme\)"):
        asked(reader, "SELECT word\nFROM itme")


def test_the_same_query_may_be_asked_again_and_again(reader: Reader) -> None:
    """A driver that prepares what it sends often would look for what has been discarded."""
    assert [reader.query("SELECT 1 AS one").rows for _ in range(12)] == [[(1,)]] * 12
