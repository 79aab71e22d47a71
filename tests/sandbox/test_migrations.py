"""Migrations of others: read without running them, and run step by step in a sandbox beside a real Postgres."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest

from labkit.checking.checks import AnswerError
from labkit.kinds.alembic.project import NotAMigration, files, heads, identifiers, line
from labkit.kinds.alembic.rollout import Rollout
from labkit.sandbox import Relay, Sandbox, choose
from labkit.services.postgres import Database
from tests.sandbox.test_sandbox import waited_for


def migration(revision: str, below: str | None, up: str, down: str = "pass") -> str:
    """The text of a migration."""
    return (
        f"from alembic import op\nrevision = {revision!r}\ndown_revision = {below!r}\n"
        f"def upgrade():\n    {up}\ndef downgrade():\n    {down}\n"
    )


ONE = migration("r1", None, 'op.execute("ALTER TABLE things ADD a int")', 'op.execute("ALTER TABLE things DROP a")')
TWO = migration("r2", "r1", 'op.execute("ALTER TABLE things ADD b int")', 'op.execute("ALTER TABLE things DROP b")')


SLOW = migration("r1", None, """op.execute("SELECT pg_advisory_lock(7)"); __import__('time').sleep(600)""")


def test_identifiers_are_read_without_running_anything():
    text = 'raise SystemExit\nrevision: str = "x"\ndown_revision = ("a", "b")\n'
    assert identifiers(text) == ("x", ("a", "b"))
    assert heads([ONE, TWO]) == ["r2"]
    assert heads([ONE, TWO, migration("r3", "r1", "pass")]) == ["r2", "r3"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT 1", "not valid Python"),
        ("revision = 'x'", "does not say its `down_revision`"),
        ("revision = open('/etc/passwd').read()\ndown_revision = None", "does not say its `revision`"),
        ("revision = 3\ndown_revision = None", "is a string"),
        ("revision = 'x'\ndown_revision = 3", "is a string"),
        ("\0", "not valid Python"),
    ],
)
def test_what_is_no_migration_is_told(text: str, why: str):
    with pytest.raises(NotAMigration, match=why):
        files({"one": text}, ["one"])
    assert "answers/one.py" in files({"one": text}, [])


def test_a_line_has_what_the_answer_stands_on_from_the_lowest():
    answers = {"two": TWO, "stub": "# nothing yet", "one": ONE, "three": migration("r3", "r2", "pass")}
    assert list(line(answers, "three")) == ["one", "two", "three"]
    assert list(line(answers, "one")) == ["one"]
    with pytest.raises(NotAMigration, match="two stands on the revision 'r1', and no answer bears it"):
        line({"two": TWO}, "two")


@pytest.fixture
def box() -> Sandbox:
    """The sandbox of this machine."""
    found = choose("bubblewrap")
    if found is None:
        pytest.skip("no bubblewrap on this machine")
    return found


def sleeping(database: Database) -> bool:
    """Whether a session of the role is in pg_sleep."""
    with database.admin() as admin:
        query = "SELECT FROM pg_stat_activity WHERE usename = %s AND wait_event = 'PgSleep'"
        return admin.execute(query, [database.role]).fetchone() is not None


def columns(database: Database) -> list[str]:
    """The columns of the table."""
    with database.connect() as connection:
        return [column.name for column in connection.execute("SELECT * FROM things").description or []]


def test_each_step_begins_when_it_is_told_to(box: Sandbox, database: Database):
    steps = ["upgrade one", "upgrade two", "downgrade base"]
    with Rollout(box, database, {"one": ONE, "two": TWO}, steps) as rollout:
        seen = [columns(database)]
        for _ in steps:
            rollout.step()
            seen.append(columns(database))
    assert seen == [["id"], ["id", "a"], ["id", "a", "b"], ["id"]]


def test_a_mistake_is_told_with_its_line_and_only_at_its_step(box: Sandbox, database: Database):
    answers = {"one": ONE, "two": migration("r2", "r1", 'op.execute("ALTER TABLE nothing ADD b int")')}
    with Rollout(box, database, answers, ["upgrade one", "upgrade two"]) as rollout:
        rollout.step()
        for _ in range(2):
            with pytest.raises(AnswerError, match=r'upgrade two` failed.*two.py, line 5.*"nothing" does not exist'):
                rollout.step()
    assert columns(database) == ["id", "a"]


def test_what_is_not_python_fails_its_own_step(box: Sandbox, database: Database):
    with Rollout(box, database, {"one": ONE, "two": "ALTER TABLE"}, ["upgrade one", "upgrade two"]) as rollout:
        rollout.step()
        with pytest.raises(AnswerError, match="SyntaxError"):
            rollout.step()


def test_the_same_program_goes_on_with_the_next_database(box: Sandbox, database: Database, other: Database):
    steps = ["upgrade one", "upgrade two"]
    answers = {"one": ONE, "two": TWO}
    with Rollout(box, database, answers, steps) as rollout:
        rollout.step()  # the other one, which a check has given up, is not made up for
        with Rollout(box, other, answers, steps, before=rollout) as again:
            assert again._program is rollout._program
            seen = [columns(other)]
            for _ in steps:
                again.step()
                seen.append(columns(other))
    assert seen == [["id"], ["id", "a"], ["id", "a", "b"]]
    assert columns(database) == ["id", "a"]
    assert rollout._program.running.result().ended_by == "exit"


LOOKS = """
    import json, os, sys, types, psycopg
    def loads(text):
        os.environ.update(json.loads(text))
        with psycopg.connect(autocommit=True) as connection:
            connection.execute("ALTER TABLE things ADD early int")
        return json.loads(text)
    sys.modules["__main__"].json = types.SimpleNamespace(loads=loads)
"""


def test_what_ran_before_does_nothing_to_the_next_database_ahead_of_its_first_step(
    box: Sandbox, database: Database, other: Database
):
    answers = {"one": migration("r1", None, LOOKS.strip())}
    with Rollout(box, database, answers, ["upgrade one"]) as rollout:
        rollout.step()
        with Rollout(box, other, answers, ["upgrade one"], before=rollout) as again:
            again.get_ready()
            assert rollout._is_at_gate(rollout.taken)  # it waits, and knows nothing of the other one
            assert columns(other) == ["id"]
            again.step()
            assert columns(other) == ["id", "early"]


def test_an_old_program_is_replaced(box: Sandbox, database: Database, other: Database, monkeypatch):
    monkeypatch.setattr("labkit.kinds.program.YOUNG", 0)
    with Rollout(box, database, {"one": ONE}, ["upgrade one"]) as rollout:
        rollout.step()
        with Rollout(box, other, {"one": ONE}, ["upgrade one"], before=rollout) as again:
            assert again._program is not rollout._program
            again.step()
    assert columns(other) == ["id", "a"]


def test_a_program_that_does_not_end_is_stopped(box: Sandbox, database: Database):
    """A check that gives up in the middle of a step need not wait for the program's limits."""
    with database.admin() as admin:

        def give_up() -> None:
            if admin.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7").fetchall():
                raise InterruptedError

        with pytest.raises(InterruptedError), Rollout(box, database, {"one": SLOW}, ["upgrade one"]) as rollout:
            rollout.step(give_up)
    assert rollout._program.running.result().ended_by == "stopped"  # and not by the limits


def only_in(database: Database, body: str) -> str:
    """The second migration, which does this there, and nothing anywhere else."""
    here = "op.get_bind().exec_driver_sql('SELECT current_database()').scalar()"
    return migration("r2", "r1", f"if {here} == {database.name!r}: {body}")


@pytest.mark.parametrize(
    "body",
    [
        'raise ValueError("no")',
        "import os; os.kill(os.getpid(), 9)",
        # The gates' session is the role's own.
        'op.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = user")',
    ],
)
def test_a_program_that_failed_is_replaced(box: Sandbox, database: Database, other: Database, body: str):
    answers, steps = {"one": ONE, "two": only_in(database, body)}, ["upgrade one", "upgrade two"]
    with Rollout(box, database, answers, steps) as rollout:
        rollout.step()
        with suppress(AnswerError):
            rollout.step()
        with Rollout(box, other, answers, steps, before=rollout) as again:
            assert again._program is not rollout._program
            assert rollout._program.running.done()
            again.step()
            again.step()
    assert columns(other) == ["id", "a"]


@pytest.mark.parametrize(
    "body", ["op.execute(\"NOTIFY go_on, '{}'\")", "import sys; sys.modules['__main__'].json = None"]
)
def test_a_program_that_its_author_led_astray_is_told_so(box: Sandbox, database: Database, other: Database, body: str):
    answers, steps = {"one": ONE, "two": only_in(database, body)}, ["upgrade one", "upgrade two"]
    with Rollout(box, database, answers, steps) as rollout:
        rollout.step()
        rollout.step()
        with (
            Rollout(box, other, answers, steps, before=rollout) as again,
            pytest.raises(AnswerError, match=r"upgrade one` (ended the whole program|failed)"),
        ):
            again.step()
    assert columns(other) == ["id"]


def test_leaving_early_ends_a_migration_that_never_would(box: Sandbox, database: Database):
    forever = migration("r1", None, 'op.execute("SET statement_timeout = 0; SELECT pg_sleep(600)")')
    with Rollout(box, database, {"one": forever}, ["upgrade one"]) as rollout:
        rollout._gates.execute("SELECT pg_advisory_unlock_all()")
        waited_for(lambda: sleeping(database))
    assert rollout._program.running.done()
    assert not sleeping(database)


def test_leaving_before_the_program_has_connected_does_not_wait_for_its_deadline(box: Sandbox, database: Database):
    with Rollout(box, database, {"one": ONE}, ["upgrade one"]) as rollout:
        pass
    assert rollout._program.running.result().ended_by == "exit"
    assert columns(database) == ["id"]


def test_the_program_sees_its_own_database_and_no_other(box: Sandbox, database: Database):
    program = "import psycopg; psycopg.connect(dbname='postgres')"
    with Relay(database.host, database.port) as relay:
        reach = {"PGHOST": box.folder_of(relay.socket), "PGUSER": database.role, "PGPASSWORD": database.password}
        own = box.run(
            ["python", "-c", program.replace("postgres'", f"{database.name}'")], sockets=[relay.socket], env=reach
        )
        other = box.run(["python", "-c", program], sockets=[relay.socket], env=reach)
    assert own.ok, own.stderr
    assert "permission denied for database" in other.stderr
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.conninfo, dbname="postgres")
