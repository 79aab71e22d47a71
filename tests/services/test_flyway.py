"""Flyway is the real one: it comes as its lock says, does what its commands say, and ends with its user."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labkit.kinds.flyway.project import commands, commit
from labkit.kinds.migration_files import NotAProject
from labkit.machine.fault import ServiceFault
from labkit.services.flyway import Command, Flyway
from labkit.services.flyway import jars as flyway_jars
from labkit.services.postgres import Database, Postgres, postgres
from tests.patience import until
from tests.services.conftest import ROWS, python, servers

ONE = {"V1__shelf.sql": "CREATE TABLE shelf (id int);"}
MIGRATE = [Command("migrate")]


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jars, fetched once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("jars")))
        try:
            return flyway_jars.jars()[0].parent
        except ServiceFault as fault:
            pytest.skip(f"Flyway's jars cannot be fetched here: {fault}")


@pytest.fixture(scope="module")
def jars(shared_home: Path, fetched: Path) -> Path:
    """The home of these tests has them, too."""
    return given(fetched)


def given(fetched: Path) -> Path:
    """Gives them to the home that is set."""
    flyway_jars.folder().parent.mkdir()
    flyway_jars.folder().symlink_to(fetched)
    return flyway_jars.folder()


@pytest.fixture
def database(jars: Path, server: Postgres) -> Iterator[Database]:
    with server.database(ROWS) as database:
        with database.admin() as admin:
            admin.execute(f"CREATE SCHEMA shop AUTHORIZATION {database.role}")
        yield database


@pytest.fixture
def tool(jars: Path) -> Iterator[Flyway]:
    flyway = Flyway()
    yield flyway
    flyway.close()


def test_the_jars_are_those_of_the_lock(jars: Path) -> None:
    found = {hashlib.sha256(jar.read_bytes()).hexdigest() for jar in flyway_jars.jars()}
    assert found == set(flyway_jars.locked().values())


def test_a_jar_with_another_checksum_is_refused(
    home: Path, fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "flyway_jars.lock"
    lock.write_text(f"com.fasterxml.jackson.core:jackson-annotations:2.19.1 {'0' * 64}\n")
    monkeypatch.setattr(flyway_jars, "LOCK", lock)
    with pytest.raises(ServiceFault, match="not the jar that it should be"):
        flyway_jars.jars()
    assert not flyway_jars.are_here()
    assert [path.suffix for path in flyway_jars.folder().parent.iterdir()] in ([], [".lock"])


def test_applies_each_version_once_and_refuses_one_that_was_edited(tool: Flyway, database: Database) -> None:
    assert tool.run(database, "shop", ONE, MIGRATE).states() == {"1": "Success"}
    assert tool.run(database, "shop", ONE, MIGRATE).said == ["migrate: nothing to do, the schema is up to date"]
    edited = tool.run(database, "shop", {"V1__shelf.sql": "CREATE TABLE shelf (id bigint);"}, MIGRATE)
    assert "checksum mismatch for migration version 1" in edited.error
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM shop.shelf").fetchone() == (0,)


def test_says_which_statement_failed_and_nothing_of_where_the_files_lie(tool: Flyway, database: Database) -> None:
    report = tool.run(database, "shop", {**ONE, "V2__again.sql": "CREATE TABLE shelf (id int);"}, MIGRATE)
    assert 'relation "shelf" already exists' in report.error
    assert "V2__again.sql" in report.error
    assert "labkit-flyway" not in report.error
    assert report.states() == {"1": "Success", "2": "Pending"}


def test_files_of_one_version_are_named_in_the_order_of_their_names(tool: Flyway, database: Database) -> None:
    """Flyway itself has the folder's order, which is another one on each machine."""
    files = {f"V3__{name}.sql": "SELECT 1" for name in "dbac"}
    named = [line for line in tool.run(database, "shop", files, MIGRATE).error.split("\n") if line.startswith("-> ")]
    assert len(named) > 1
    assert named == sorted(named)


def test_placeholders_and_settings_of_the_machine_are_not_read(
    tool: Flyway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYWAY_TABLE", "elsewhere")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1k")
    report = tool.run(database, "shop", {"V1__text.sql": "CREATE TABLE text AS SELECT '${flyway:user}' AS is"}, MIGRATE)
    assert report.error == ""
    with database.connect() as connection:
        assert connection.execute('SELECT "is" FROM shop.text').fetchone() == ("${flyway:user}",)
        assert connection.execute("SELECT to_regclass('shop.elsewhere')").fetchone() == (None,)


def test_a_migration_without_end_is_stopped_and_the_next_one_runs(tool: Flyway, database: Database) -> None:
    tool.run(database, "shop", ONE, MIGRATE)  # Java is warm: the deadline is the migration's alone
    endless = {**ONE, "V2__wait.sql": "SET statement_timeout = 0; SELECT pg_sleep(1000);"}
    assert tool.run(database, "shop", endless, MIGRATE, deadline=1).error == "It ran for over 1 s and was stopped."
    assert tool.run(database, "shop", ONE, MIGRATE).error == ""


def test_a_migration_that_fills_the_memory_is_stopped_and_the_next_one_runs(tool: Flyway, database: Database) -> None:
    huge = {"V1__huge.sql": "SELECT repeat('x', 1000000) FROM generate_series(1, 1000);"}
    assert "memory" in tool.run(database, "shop", huge, MIGRATE).error
    assert tool.run(database, "shop", ONE, MIGRATE).error == ""


def test_a_server_that_is_gone_is_the_courses_fault(tool: Flyway, home: Path, fetched: Path, backend: str) -> None:
    given(fetched)
    server = postgres(backend=backend)
    database = server.database(ROWS)
    tool.start()
    server.close()
    assert until(lambda: not servers(home, backend))
    with pytest.raises(ServiceFault):
        tool.run(database, "public", ONE, MIGRATE)


def test_ends_with_its_user_however_that_dies(jars: Path) -> None:
    code = """
from labkit.services.flyway import flyway
flyway().start()
print(flyway()._process.pid, flyway()._scratch, flush=True)
sys.stdin.read()
"""
    user = python(code)
    assert user.stdout
    pid, scratch = user.stdout.readline().split()
    process = psutil.Process(int(pid))
    os.kill(user.pid, signal.SIGKILL)
    user.wait()
    user.stdout.close()
    assert until(lambda: not process.is_running())
    assert until(lambda: not Path(scratch).exists())


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "no file yet"),
        ("SELECT 1;\n-- V1__a.sql\n", "stands in no file"),
        ("-- V1_a.sql\nSELECT 1", "no name of a migration"),
        ("-- beforeMigrate.sql\nSELECT 1", "no name of a migration"),
        ("-- V1__a.sql\n-- V1__a.sql\n", "twice"),
    ],
)
def test_a_commit_has_named_migrations_only(text: str, mistake: str) -> None:
    with pytest.raises(NotAProject, match=mistake):
        commit(text)


def test_a_name_with_a_folder_is_no_file() -> None:
    with pytest.raises(NotAProject, match="without a folder"):
        commit("-- V1__a.sql\n-- ../V2__b.sql\nSELECT 1;\n")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("# nothing", "no command yet"),
        ("flyway undo", "must have one command"),
        ("flyway migrate; rm -rf /", "must have one command"),
        ("flyway -configFiles=/etc/passwd info", "no option that can be used"),
        ("flyway -callbacks=x migrate", "no option that can be used"),
    ],
)
def test_commands_are_of_a_declared_form(text: str, mistake: str) -> None:
    with pytest.raises(NotAProject, match=mistake):
        commands(text)


def test_an_option_may_stand_anywhere() -> None:
    found = commands('flyway baseline -environment=outlet -baselineDescription="by hand"  # the past')
    assert found == [("outlet", Command("baseline", {"baselineDescription": "by hand"}))]
