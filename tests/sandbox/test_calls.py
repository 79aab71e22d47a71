"""Functions of others, called in a sandbox beside a real Postgres: what is told of them, and what is not believed."""

from __future__ import annotations

import pytest

from labkit.checking.checks import AnswerError
from labkit.kinds.python import calls
from labkit.kinds.python.calls import Callee
from labkit.sandbox import Sandbox, choose
from labkit.services.postgres import Database


@pytest.fixture
def box() -> Sandbox:
    """The sandbox of this machine."""
    return choose() or pytest.skip("no sandbox on this machine")


def rows(database: Database) -> list[int]:
    """What is in the table."""
    with database.connect() as connection:
        return [row[0] for row in connection.execute("SELECT id FROM things ORDER BY id")]


ADD = """
def add(connection, number):
    connection.execute("INSERT INTO things VALUES (%s)", [number])
    connection.commit()
"""


def test_a_call_returns_or_raises(box: Sandbox, database: Database):
    with Callee(box, database, ADD) as callee:
        assert callee.call("add", 1).outcome() == calls.Outcome()
        again = callee.call("add", 1).outcome()
        assert again.sqlstate == "23505"
        assert "line 3: UniqueViolation: duplicate key" in again.error
        assert callee.call("add", 2).outcome() == calls.Outcome()
        for _ in range(2):
            with pytest.raises(AnswerError, match="defines no function remove"):
                callee.call("remove", 1).outcome()
    assert rows(database) == [1, 2]


def test_each_call_has_a_session_as_good_as_new(box: Sandbox, database: Database):
    text = """
def spoil(connection):
    connection.autocommit = True
    connection.execute("CREATE TEMP TABLE mine (id int)")
    connection.execute("SET search_path = pg_catalog")
    connection.execute("PREPARE p AS SELECT 1")

def look(connection):
    assert not connection.autocommit
    assert connection.execute("SELECT to_regclass('mine'), current_setting('search_path')").fetchone() == (None, '"$user", public')
    assert not connection.execute("SELECT name FROM pg_prepared_statements").fetchall()
"""
    with Callee(box, database, text) as callee:
        for function in ("look", "spoil", "look"):
            assert callee.call(function).outcome().error == ""


def test_a_session_begins_with_the_call_where_that_is_asked_for(box: Sandbox, database: Database):
    """What the role is set to meanwhile holds only for sessions that begin then."""
    text = """
def look(connection):
    (found,) = connection.execute("SHOW work_mem").fetchone()
    connection.rollback()
    raise ValueError(found)
"""
    with Callee(box, database, text) as callee, database.admin() as admin:
        assert callee.call("look").outcome().error.endswith(": 4MB")
        admin.execute(f"ALTER ROLE {database.role} SET work_mem = '3MB'".encode())
        assert callee.call("look").outcome().error.endswith(": 4MB")
        callee.begin_session()
        assert callee.call("look").outcome().error.endswith(": 3MB")


def test_a_transaction_that_is_left_open_is_seen_and_ended(box: Sandbox, database: Database):
    text = "def leave(connection): connection.execute('LOCK TABLE things')"
    with Callee(box, database, text) as callee:
        assert callee.call("leave").outcome().left_open
        assert rows(database) == []  # nobody holds the lock any more
        assert callee.call("leave").outcome().left_open  # with a session of its own


def test_a_call_waits_for_what_we_hold(box: Sandbox, database: Database):
    with Callee(box, database, ADD) as callee, database.connect(autocommit=False) as session:
        session.execute("LOCK TABLE things")
        call = callee.call("add", 7)
        assert callee.waits_for(session)
        session.commit()
        assert call.outcome() == calls.Outcome()
        call = callee.call("add", 8)
        assert not callee.waits_for(session)
        assert call.outcome() == calls.Outcome()
    assert rows(database) == [7, 8]


def test_a_program_that_ends_is_told_and_replaced(box: Sandbox, database: Database):
    text = ADD + "\ndef leave(connection):\n    import os\n    os._exit(0)\n"
    with Callee(box, database, text) as callee:
        with pytest.raises(AnswerError, match="ended the whole program"):
            callee.call("leave").outcome()
        assert callee.call("add", 3).outcome() == calls.Outcome()
    assert rows(database) == [3]


def test_a_cell_that_does_not_run_is_told_with_its_line(box: Sandbox, database: Database):
    with (
        Callee(box, database, "x = 1\nraise ValueError('no')") as callee,
        pytest.raises(AnswerError, match="line 2: ValueError: no"),
    ):
        callee.call("add", 1)
    with Callee(box, database, "def add(:") as callee, pytest.raises(AnswerError, match="line 1: SyntaxError"):
        callee.call("add", 1)


def test_a_call_without_end_is_stopped(box: Sandbox, database: Database, monkeypatch):
    monkeypatch.setattr(calls, "DEADLINE", 1.0)
    text = "def wait(connection): connection.execute('SELECT pg_sleep(3600)')\ndef spin(connection):\n    while True: pass\n"
    with Callee(box, database, text) as callee:
        for function in ("wait", "spin"):
            with pytest.raises(AnswerError, match="did not return within 1 s"):
                callee.call(function).outcome()


def test_what_else_the_answer_tells_is_not_taken_for_a_call(box: Sandbox, database: Database):
    """Whoever may connect may notify: what makes no sense is passed over, and a flood is ended."""
    text = """
def shout(connection, times):
    for told in ('', '{', '[]', '{}', '{"number": "1"}', '{"number": [1]}', '{"number": 1e999}', '[' * 3000, '{"number": 99, "error": 3}'):
        connection.execute("SELECT pg_notify('labkit_told', %s)", [told])
    connection.execute("SELECT pg_notify('labkit_told', n::text) FROM generate_series(1, %s) AS n", [times])
    connection.commit()
"""
    with Callee(box, database, text) as callee:
        assert callee.call("shout", 100).outcome() == calls.Outcome()
        assert callee._told.keys() <= {0, 1}
        with pytest.raises(AnswerError, match="notifications without end"):
            callee.call("shout", 5000).outcome()


# Memory of the process, which an answer that is imported anew for another database has not.
STARTED = """
import time, psycopg
started = vars(psycopg).setdefault("started", time.monotonic_ns())

def when(connection):
    raise ValueError(started)
"""


def test_the_program_goes_on_with_another_database(box: Sandbox, database: Database, other: Database):
    text = ADD + STARTED + "\nmine = []\ndef once(connection):\n    mine.append(1)\n    assert len(mine) == 1\n"
    with Callee(box, database, text) as callee:
        first = callee.call("when").outcome().error
        assert callee.call("once").outcome() == calls.Outcome()
        with Callee(box, other, text, before=callee) as again:
            assert again.call("add", 5).outcome() == calls.Outcome()
            assert again.call("when").outcome().error == first
            assert again.call("once").outcome() == calls.Outcome()
        assert (rows(database), rows(other)) == ([], [5])


def test_one_that_is_old_does_not_go_on(box: Sandbox, database: Database, other: Database, monkeypatch):
    monkeypatch.setattr("labkit.kinds.program.YOUNG", 0.0)
    with Callee(box, database, STARTED) as callee:
        first = callee.call("when").outcome().error
        with Callee(box, other, STARTED, before=callee) as again:
            assert again.call("when").outcome().error != first
