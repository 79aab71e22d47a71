"""golang-migrate over a lab's database: commands, the files that they see, and the version that it then says.

    steps = run(database, {"000001_orders.up.sql": "CREATE TABLE …"}, [Migrate(("up",)), Psql("ANALYZE orders")])

It is the real program; what it runs, it runs as the database's own role.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.sql import SQL, Literal

from labkit.machine.fault import ServiceFault
from labkit.services.golang_migrate.binary import binary
from labkit.services.postgres import Database, sql

DEADLINE = 30.0  # seconds for all commands of one call


@dataclass(frozen=True)
class Migrate:
    """A command of golang-migrate, e.g. `Migrate(("goto", "2"))`."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"migrate {' '.join(self.words)}"


@dataclass(frozen=True)
class Psql:
    """SQL that somebody runs by hand, as `psql -c` does."""

    text: str

    def __str__(self) -> str:
        return f'psql -c "{" ".join(self.text.split())}"'


@dataclass(frozen=True)
class Step:
    """What came of one command: what it said, its error or "", and the version that the database is at then, if any."""

    command: str
    said: str
    error: str
    version: int | None
    dirty: bool


def run(
    database: Database,
    files: Mapping[str, str],
    commands: Sequence[Migrate | Psql],
    *,
    multi_statement: bool = False,
    deadline: float = DEADLINE,
) -> list[Step]:
    """Runs the commands up to the first that fails. Raises ServiceFault.

    With `multi_statement`, each statement of a file is sent for itself; else a file is sent as a whole, and Postgres makes one
    transaction of it.
    """
    program = str(binary())
    steps: list[Step] = []
    until = time.monotonic() + deadline
    with (
        tempfile.TemporaryDirectory(prefix="labkit-migrate-") as folder,
        database.deadline(deadline) as too_large,
        _lib_pq_allowed(database),
    ):
        for name, text in files.items():
            Path(folder, Path(name).name).write_text(text, encoding="utf-8")
        for command in commands:
            if isinstance(command, Psql):
                said, error = _psql(database, command.text, until)
            else:
                options = ["-path", folder, "-database", _url(database, multi_statement), "-lock-timeout", "5"]
                said, error = _migrate(database, [program, *options, *command.words], folder, until)
            if error and time.monotonic() >= until:
                error = f"It ran for over {deadline:g} s and was stopped."
            error = error and (too_large() or error)
            steps.append(Step(str(command), said, error, *version(database)))
            if error:
                break
    return steps


def version(database: Database) -> tuple[int | None, bool]:
    """The version that the database is at, None before the first one, and whether it is dirty."""
    try:
        with database.connect() as connection:
            row = connection.execute("SELECT version, dirty FROM schema_migrations").fetchone()
    except psycopg.Error:
        return None, False
    return (row[0], row[1]) if row else (None, False)


def _migrate(database: Database, command: list[str], folder: str, until: float) -> tuple[str, str]:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env={"PGPASSWORD": database.password},  # not in the URL: everyone can read a command line
            cwd="/",
            timeout=max(1.0, until + 5 - time.monotonic()),
        )
    except subprocess.TimeoutExpired:
        return "", "It took too long and was stopped."
    said = f"{done.stdout}{done.stderr}".replace(f"file://{folder}", "the files").strip()
    if done.returncode and "failed to open database" in said and not database.server.is_alive():
        raise ServiceFault("The PostgreSQL server is gone. Restart it, and run this again.")
    return ("", _reason(said)[:2000]) if done.returncode else (said[:2000], "")


def _reason(said: str) -> str:
    """The error without the files that went well, their times, and the whole text of the one that did not."""
    error = said[said.find("error: ") :] if "error: " in said else said
    return re.sub(r" in line \d+: .*\(details: pq: .*", "", error, flags=re.DOTALL)


def _psql(database: Database, text: str, until: float) -> tuple[str, str]:
    try:
        with database.connect() as connection:
            results = sql.execute(connection, text, max_rows=0, deadline=max(1.0, until - time.monotonic()))
    except (psycopg.Error, sql.TookTooLong, ValueError) as error:
        return "", f"psql: {str(error).strip()}"
    return " · ".join(result.command for result in results), ""


def _url(database: Database, multi_statement: bool) -> str:
    options = {"host": database.host, "port": str(database.port), "sslmode": "disable"}
    options |= {"x-multi-statement": "true"} if multi_statement else {}
    return f"postgres://{quote(database.role)}@/{quote(database.name)}?{urlencode(options)}"


@contextmanager
def _lib_pq_allowed(database: Database) -> Iterator[None]:
    """The Go driver takes no password that was stretched less than 4,096 times; the course's servers stretch it once.

    Afterwards it is as it was: with the other one each connection takes three times as long.
    """
    _stretch_password(database, 4096)
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # an answer that lets nobody in any more: whoever comes next is told so
            _stretch_password(database, 1)


def _stretch_password(database: Database, times: int) -> None:
    with database.server.fault_if_gone(), database.connect() as connection:
        change = SQL("SET scram_iterations = {}; ALTER ROLE CURRENT_USER PASSWORD {}")
        connection.execute(change.format(Literal(times), Literal(database.password)))
