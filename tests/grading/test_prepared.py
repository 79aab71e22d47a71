"""A database on which an answer's text ran is kept for the same text, as long as it is what it was."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from labkit.kinds.answer import AnswerError
from labkit.kinds.sql.prepared import KEPT, PreparedDatabases
from labkit.services.postgres import GRADED, Database, Postgres, Template, postgres

ROWS = Template("prepared", ("CREATE TABLE item (id int); INSERT INTO item SELECT generate_series(1, 9)",), seed=1)
TEXT = "CREATE INDEX ON item (id)"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres("grading-prepared") as server:
        yield server


@pytest.fixture
def prepared(server: Postgres) -> Iterator[PreparedDatabases]:
    prepared = PreparedDatabases(lambda template: server.database(template, limits=GRADED), trusted=False)
    yield prepared
    prepared.drop_all()


def used(prepared: PreparedDatabases, text: str | None, query: str) -> Database:
    """Takes a database, runs something in it, and gives it back."""
    with prepared.database(ROWS, text) as database:
        with database.connect() as connection:
            connection.execute(query.encode())
        return database


def test_the_same_text_gets_the_same_database(prepared: PreparedDatabases) -> None:
    first = used(prepared, TEXT, "SELECT count(*) FROM item")
    assert used(prepared, TEXT, "SELECT 1").name == first.name
    assert used(prepared, f"{TEXT};", "SELECT 1").name != first.name


def test_what_may_be_right_by_chance_has_to_be_right_each_time(
    prepared: PreparedDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def ran_well_twice(database: Database, text: str) -> None:
        ran.append(text)
        if len(ran) == 3:
            raise AnswerError("not this time")

    monkeypatch.setattr("labkit.kinds.sql.prepared.run", ran_well_twice)
    with (
        pytest.raises(AnswerError, match="It ran well 2 times on these tables, and then did not: not this time"),
        prepared.database(ROWS, "DO $$ BEGIN IF random() < 0.5 THEN RAISE 'not this time'; END IF; END $$"),
    ):
        pass
    ran.clear()
    with prepared.database(ROWS, TEXT):
        assert ran == [TEXT], "what nothing can be drawn in runs once"


@pytest.mark.parametrize(
    "writes", ["DELETE FROM item", "CREATE TEMP TABLE item AS SELECT 1 AS id", "SELECT lo_create(0)"]
)
def test_one_that_was_written_to_serves_nobody_else(prepared: PreparedDatabases, writes: str) -> None:
    first = used(prepared, TEXT, writes)
    assert not first.is_there()
    second = used(prepared, TEXT, "SELECT 1")
    with second.connect() as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (9,)


def test_a_session_that_is_still_at_it_when_it_is_given_back_writes_for_nobody(prepared: PreparedDatabases) -> None:
    """Its transaction is not counted before it ends: so it is ended first."""
    with prepared.database(ROWS, TEXT) as first:
        left = first.connect()
        left.pgconn.send_query(b"BEGIN; SELECT pg_sleep(0.3); DELETE FROM item; COMMIT")
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    with prepared.database(ROWS, TEXT) as second, second.connect() as connection:
        assert (second.name, connection.execute("SELECT count(*) FROM item").fetchone()) == (first.name, (9,))


def test_after_a_restart_it_is_made_anew(prepared: PreparedDatabases, server: Postgres) -> None:
    first = used(prepared, TEXT, "SELECT 1")
    server.restart()
    assert used(prepared, TEXT, "SELECT count(*) FROM item").name != first.name


def test_only_a_few_are_kept(prepared: PreparedDatabases) -> None:
    all_used = [used(prepared, f"{TEXT} -- {number}", "SELECT 1") for number in range(KEPT + 1)]
    assert [database.is_there() for database in all_used] == [False] + [True] * KEPT


def test_the_same_text_twice_at_a_time(prepared: PreparedDatabases) -> None:
    with prepared.database(ROWS, TEXT) as first, prepared.database(ROWS, TEXT) as second:
        assert first.name != second.name
    assert [first.is_there(), second.is_there()] == [False, True]


def test_one_that_is_made_beside_it_is_not_held_against_it(prepared: PreparedDatabases) -> None:
    with prepared.database(ROWS, TEXT) as first, prepared.database(ROWS, None) as second:
        assert first.name != second.name
    assert used(prepared, TEXT, "SELECT 1").name == first.name
    assert used(prepared, None, "SELECT 1").name == second.name


def test_what_was_written_before_another_was_made_is_still_seen(prepared: PreparedDatabases) -> None:
    with prepared.database(ROWS, TEXT) as first:
        with first.connect() as connection:
            connection.execute("DELETE FROM item")
        with prepared.database(ROWS, None):
            pass
    assert not first.is_there()


def test_a_server_that_is_gone_is_no_fault_of_who_gives_back(prepared: PreparedDatabases, server: Postgres) -> None:
    with prepared.database(ROWS, TEXT) as first:
        server.restart()
    assert not first.is_there()
