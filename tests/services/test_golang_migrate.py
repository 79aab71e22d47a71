"""golang-migrate is the real one: where it comes from, what is left of a file that fails, and what a runbook may say."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import itertools
import re
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.kinds.migrate.project import commit, runbook
from labkit.kinds.migration_files import NotAProject
from labkit.machine.fault import ServiceFault
from labkit.services import golang_migrate
from labkit.services.golang_migrate import Migrate, Psql, run
from labkit.services.golang_migrate import binary as golang_migrate_binary
from labkit.services.postgres import Database, Postgres, postgres
from tests.patience import until
from tests.services.conftest import ROWS, servers

UP = Migrate(("up",))
HALF = {"000001_half.up.sql": "CREATE TABLE shelf (id int); CREATE TABLE item (id int);"}  # item is there already
PROGRAM = b"#!/bin/sh\necho I am migrate\n"


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    if golang_migrate_binary.found() is None:
        pytest.skip("golang-migrate is not on PATH")
    with server.database(ROWS) as database:
        yield database


def tables(database: Database) -> set[str]:
    with database.connect() as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        return {name for (name,) in found.fetchall()}


def test_a_file_is_one_transaction_unless_told_otherwise(database: Database) -> None:
    (whole,) = run(database, HALF, [UP])
    assert 'relation "item" already exists' in whole.error
    assert (whole.version, whole.dirty) == (1, True)
    assert "shelf" not in tables(database)
    database.reset()
    (single,) = run(database, HALF, [UP], multi_statement=True)
    assert single.dirty
    assert "shelf" in tables(database)


def test_dirty_is_refused_until_somebody_says_the_version(database: Database) -> None:
    steps = run(database, HALF, [UP])
    steps += run(database, HALF, [UP])
    assert "Dirty database version 1" in steps[-1].error
    mended = {"000001_half.up.sql": "CREATE TABLE shelf (id int);", "000002_more.up.sql": "SELECT 1;"}
    steps = run(database, mended, [Psql("CREATE TABLE shelf (id int)"), Migrate(("force", "1")), UP])
    assert [step.error for step in steps] == ["", "", ""]
    assert (steps[-1].version, steps[-1].dirty) == (2, False)


def test_passwords_are_stretched_once_afterwards(database: Database) -> None:
    run(database, {"000001_more.up.sql": "SELECT 1;"}, [UP])
    with database.admin() as admin:
        known = "SELECT rolpassword FROM pg_authid WHERE rolname = ANY (%s)"
        found = admin.execute(known, [[database.role, "postgres"]]).fetchall()
    assert [password[: len("SCRAM-SHA-256$1:")] for (password,) in found] == ["SCRAM-SHA-256$1:"] * 2


def test_stops_at_the_first_command_that_fails(database: Database) -> None:
    steps = run(database, HALF, [Psql("SELECT 1/0"), UP])
    assert [step.error for step in steps] == ["psql: division by zero"]


def test_a_migration_without_end_is_stopped(database: Database) -> None:
    endless = {"000001_wait.up.sql": "SET statement_timeout = 0; SELECT pg_sleep(1000);"}
    (step,) = run(database, endless, [UP], deadline=1)
    assert step.error == "It ran for over 1 s and was stopped."


def test_the_password_is_not_in_the_command_line(database: Database) -> None:
    assert database.password not in golang_migrate.runner._url(database, False)


def test_a_server_that_is_gone_is_the_courses_fault(home: Path, backend: str) -> None:
    if golang_migrate_binary.found() is None:
        pytest.skip("golang-migrate is not on PATH")
    server = postgres(backend=backend)
    database = server.database(ROWS)
    server.close()
    assert until(lambda: not servers(home, backend))
    with pytest.raises(ServiceFault):
        run(database, HALF, [UP])


@pytest.fixture
def release(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder like the release's, served on loopback."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("migrate")
        member.size = len(PROGRAM)
        tar.addfile(member, io.BytesIO(PROGRAM))
    lines = []
    for name in ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"):
        (tmp_path / f"migrate.{name}.tar.gz").write_bytes(archive.getvalue())
        lines.append(f"{hashlib.sha256(archive.getvalue()).hexdigest()}  migrate.{name}.tar.gz\n")
    (tmp_path / "sha256sum.txt").write_text("".join(lines))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golang_migrate_binary, "RELEASE", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("PATH", str(tmp_path))  # neither migrate nor Go
        yield tmp_path
    server.shutdown()
    server.server_close()


def test_is_downloaded_once(release: Path) -> None:
    program = golang_migrate_binary.binary()
    assert subprocess.run([program], capture_output=True).stdout == b"I am migrate\n"
    for path in release.glob("*.gz"):
        path.unlink()
    assert golang_migrate_binary.binary() == program


def test_another_checksum_than_the_releases_is_refused(release: Path) -> None:
    checksums = release / "sha256sum.txt"
    checksums.write_text(
        re.sub(r"^.", lambda first: "1" if first[0] == "0" else "0", checksums.read_text(), flags=re.M)
    )
    with pytest.raises(ServiceFault, match="checksum"):
        golang_migrate_binary.binary()
    assert not golang_migrate_binary.cached().exists()


def test_without_a_network_it_says_what_to_do(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang_migrate_binary, "RELEASE", "http://127.0.0.1:1")
    with pytest.raises(ServiceFault, match="on PATH"):
        golang_migrate_binary.binary()


def test_another_program_of_that_name_is_not_taken(release: Path) -> None:
    other = release / "migrate"
    other.write_bytes(PROGRAM)
    other.chmod(0o755)
    assert golang_migrate_binary.found() is None


def test_a_runbook_may_go_on_over_lines() -> None:
    text = '# by hand\npsql -c "SELECT 1;\n  SELECT 2"  # two\nmigrate force 3\nup\n'
    assert runbook(text) == [Psql("SELECT 1;\n  SELECT 2"), Migrate(("force", "3")), UP]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("# nothing", "no command yet"),
        ("migrate drop -f", "no command that can be used"),
        ("migrate -database postgres://elsewhere up", "no command that can be used"),
        ("migrate up; ls", "no command that can be used"),
        ("psql -f /etc/passwd", "psql takes its SQL"),
        (r'psql -c "\d customers"', "psql's own command"),
        ('psql -c "SELECT 1', 'never closed, after: psql -c "SELECT 1$'),
        ("psql -c 'SELECT 1", "never closed, after: psql -c 'SELECT 1$"),
        ('migrate up\npsql -c "SELECT 1\nmigrate force 3\n', 'never closed, after: psql -c "SELECT 1$'),
        ('psql -c "SELECT 1\\"', "never closed"),
        ("migrate up \\", "A backslash stands at the very end, with nothing to escape, after: migrate up"),
    ],
)
def test_commands_are_of_a_declared_form(text: str, mistake: str) -> None:
    with pytest.raises(NotAProject, match=mistake):
        runbook(text)


def test_every_text_is_a_runbook_or_is_told_what_it_lacks() -> None:
    """Whatever quotes, backslashes and comments stand in it: nothing else is raised."""
    for length in range(1, 7):
        for text in itertools.product("\"'\\#\nu", repeat=length):
            with contextlib.suppress(NotAProject):
                runbook("".join(text))


@pytest.mark.parametrize("piece", ['"', "'", '"\\', 'psql -c "SELECT 1', "\n", "#", " "])
def test_no_runbook_takes_long_to_read(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(NotAProject):
        runbook(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 5  # a tenth of a second as it is


@pytest.mark.parametrize("name", ["V1__a.sql", "1_a.sql", "000001_a.up.go.sql", "1_a.UP.sql"])
def test_a_commit_has_named_pairs_only(name: str) -> None:
    with pytest.raises(NotAProject, match="no name of a migration"):
        commit(f"-- {name}\nSELECT 1;")
