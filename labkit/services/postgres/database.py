"""One database of a lab, and the role that an answer runs as in it."""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from labkit.machine.fault import ServiceFault
from labkit.services.postgres import fingerprint, inspection
from labkit.services.postgres.admin import (
    OWNER,
    drop_database,
    end_sessions,
    execute,
    has_database,
    has_role,
    rename_database,
)
from labkit.services.postgres.documents import read_any
from labkit.services.postgres.limits import Limits
from labkit.services.postgres.template import Template

if TYPE_CHECKING:
    from labkit.services.postgres import Postgres


ENDING = 5.0  # seconds for a session to end
ANALYZING = 20.0  # seconds for fresh statistics
LOOK = 0.5  # seconds between two looks at what a session's database has become


class TooLarge(Exception):
    """The database grew beyond its limit, and its sessions were ended."""


class Database:
    """A clone of a template, with a role that owns its tables and nothing else; both are dropped on exit."""

    def __init__(
        self, server: Postgres, template: Template, limits: Limits, progress: Callable[[str], None] | None
    ) -> None:
        self.server, self.template, self.limits = server, template, limits
        self.name = self.role = template.clone()
        self.password = secrets.token_hex(16)
        with server.writing():
            self._make(progress)

    @property
    def _before(self) -> str:
        """The name of what an undoable reset put away."""
        return f"{self.name}_before"

    @property
    def host(self) -> str:
        """The folder of the socket, or an address."""
        return self.server.reach["host"]

    @property
    def port(self) -> int:
        """The port; of a socket, the number in its name."""
        return self.server.reach["port"]

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        user = f"postgresql+psycopg://{self.role}:{self.password}@"
        if self.host.startswith("/"):
            return f"{user}/{self.name}?host={self.host}&port={self.port}"
        return f"{user}{self.host}:{self.port}/{self.name}"

    @property
    def conninfo(self) -> str:
        """For libpq and psycopg."""
        at = {"host": self.host, "port": self.port, "dbname": self.name}
        return make_conninfo(**at, user=self.role, password=self.password)

    @property
    def connect_with(self) -> str:
        """What psql or DBeaver connects with, also from a terminal."""
        return self.url.replace("postgresql+psycopg://", "postgresql://")

    def environment(self, *, host: str | None = None, port: int | None = None) -> dict[str, str]:
        """For a program: libpq's PG* variables; with `host` and `port` when it is reached by another way than ours."""
        return {
            "PGHOST": host or self.host,
            "PGPORT": str(port or self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.role,
            "PGPASSWORD": self.password,
        }

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"database {self.name}, {self.server.where}"

    def connect(self, *, options: str = "", seconds: float = 0.0, **kwargs: Any) -> psycopg.Connection:
        """A connection as the role; autocommit unless told otherwise. A statement of it has `seconds`, else as many as a check's look.

        It looks for names in pg_catalog, then in public, also where an answer had its role look elsewhere first. Raises ServiceFault when the server is gone, psycopg.OperationalError when the role has no connection left.
        """
        with self.server.fault_if_gone():
            options = f"-c search_path=public -c statement_timeout={seconds or self.limits.read:g}s {options}"
            connection = psycopg.connect(self.conninfo, **{"autocommit": True, "options": options, **kwargs})
            return connection if "context" in kwargs else read_any(connection)  # a context has its own way of reading

    def admin(self) -> psycopg.Connection:
        """The superuser, here: only for pg_catalog, as a trigger of the answer would run as superuser."""
        with self.server.fault_if_gone():
            return self.server.superuser(self.name)

    @contextlib.contextmanager
    def deadline(self, seconds: float = math.inf) -> Iterator[Callable[[], str]]:
        """Ends the role's sessions while the block takes longer, or the database is too large, whatever the role set itself.

        Raises TooLarge in the place of the psycopg.Error that this brings about; other programs' users ask what it gives: it says
        that the database was too large, or nothing.
        """
        done, outgrown = threading.Event(), threading.Event()
        too_large = (
            f"It made its database larger than {self.limits.database_mb:,} MB and was stopped. Write fewer rows."
        )
        watch = threading.Thread(target=self._watch, args=(seconds, done, outgrown), daemon=True)
        watch.start()
        try:
            yield lambda: too_large if outgrown.is_set() else ""
        except psycopg.Error as error:
            if outgrown.is_set():
                raise TooLarge(too_large) from error
            raise
        finally:
            done.set()
            watch.join()

    def _watch(self, seconds: float, done: threading.Event, outgrown: threading.Event) -> None:
        until = time.monotonic() + seconds
        while not done.wait(min(LOOK, max(until - time.monotonic(), 0.05))):
            if self._megabytes() > self.limits.database_mb:
                outgrown.set()
            if outgrown.is_set() or time.monotonic() >= until:
                self.end_sessions()

    def _megabytes(self) -> float:
        """The size of the database, and of all temporary files: a grading server has one answer at a time."""
        size = "SELECT pg_database_size(%s) + (SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir())"
        with contextlib.suppress(psycopg.Error, ServiceFault), self.server.superuser() as admin:
            row = admin.execute(size, [self.name]).fetchone()
            return float(row[0]) / 2**20 if row else 0.0
        return 0.0

    def settle(self) -> None:
        """After an answer: its role has only the settings that it was made with, and the planner statistics of what is really there.

        Raises ServiceFault.
        """
        with self.server.administration() as admin:
            execute(admin, "ALTER ROLE {} IN DATABASE {} RESET ALL", self.role, self.name)
            _make_role(admin, self.role, self.password, self.limits)
        with self.admin() as catalog:
            are_others = inspection.foreign_statistics(catalog, self.born)
        if are_others:
            with self.deadline(ANALYZING), self.connect() as own:
                own.execute("ANALYZE")

    def given(self) -> dict[str, str]:
        """The `fingerprint` of a database as the lab gave it, known by the template. Raises ServiceFault."""
        return self._given()[1]

    def fingerprint(self) -> dict[str, str]:
        """What became of what the lab gave: by `table` and `table.column`, the number of rows and a digest of the values. What is as in
        `given` is as it was. A column's values belong to the primary key; without one, to the whole row. Raises ServiceFault, psycopg.Error.
        """
        return fingerprint.taken(self, *self._given())

    def difference(self, name: str) -> tuple[str, str]:
        """What the lab gave as `table` or `table.column`, and what it is now, for people: of a column with a key, of its first such row."""
        tables, given = self._given()
        now = self.fingerprint()[name]
        table = next((table for table in tables if name.startswith(f"{table.name}.") and table.key), None)
        if not (table and given[name].startswith("values") and now.startswith("values")):
            was, is_now = (fingerprint.in_words(of) for of in (given[name], now))
            return was, is_now
        with self.server.database(self.template, limits=self.limits) as untouched:
            return fingerprint.example(untouched, self, table, name.removeprefix(f"{table.name}."))

    def _given(self) -> tuple[tuple[fingerprint.Table, ...], dict[str, str]]:
        known = self.server.given
        if self.template not in known:
            with self.server.database(self.template, limits=self.limits) as untouched:
                tables = fingerprint.tables(untouched)
                known[self.template] = (tables, fingerprint.taken(untouched, tables))
        return known[self.template]

    def is_there(self) -> bool:
        """Whether its server still has it: one that was restarted meanwhile has dropped it."""
        with contextlib.suppress(psycopg.Error, ServiceFault), self.server.administration() as admin:
            return has_database(admin, self.name)
        return False

    def end_sessions(self) -> None:
        """Ends all sessions of the role, and waits for that. What they left unfinished is rolled back."""
        with contextlib.suppress(psycopg.Error, ServiceFault), self.server.administration() as admin:
            end_sessions(admin, "usename", self.role, ENDING)

    def reset(self, *, undoable: bool = False) -> None:
        """Back to the template: same name, role and password; its sessions end. Raises ServiceFault."""
        with self.server.administration() as admin:
            if undoable and has_database(admin, self.name):
                rename_database(admin, self.name, self._before)
            else:
                drop_database(admin, self.name)
        self._make()

    def undo_reset(self) -> bool:
        """Back to what it was before the last undoable reset. Returns whether there was one. Raises ServiceFault."""
        with self.server.administration() as admin:
            if not has_database(admin, self._before):
                return False
            rename_database(admin, self._before, self.name)
            return True

    def drop(self) -> None:
        """Drops the database and its role. A server that is gone has dropped them already."""
        with contextlib.suppress(ServiceFault), self.server.writing(), self.server.administration() as admin:
            drop_database(admin, self.name)
            drop_database(admin, self._before)
            execute(admin, "DROP ROLE IF EXISTS {}", self.role)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def _make(self, progress: Callable[[str], None] | None = None) -> None:
        source = self.server.built(self.template, progress)
        with self.server.administration() as admin:
            _make_role(admin, self.role, self.password, self.limits)
            execute(admin, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", self.name, source)
            access = "REVOKE ALL ON DATABASE {} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}"
            execute(admin, access, self.name, self.name, self.role)
        with self.server.fault_if_gone(), self.server.superuser(self.name) as inside:
            execute(inside, "REASSIGN OWNED BY {} TO {}", OWNER, self.role)  # nothing of an answer is in it yet
            self.born = inspection.born(inside)


def _make_role(admin: psycopg.Connection, role: str, password: str, limits: Limits) -> None:
    """The role as it must be, also where an answer changed its own password or settings."""
    name = sql.Identifier(role)
    commands = [sql.SQL("ALTER ROLE {} RESET ALL").format(name)]
    if not has_role(admin, role):
        commands = [sql.SQL("CREATE ROLE {} NOINHERIT NOCREATEDB NOCREATEROLE").format(name)]
    entry = sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}")
    commands.append(entry.format(name, sql.Literal(limits.connections), sql.Literal(password)))
    for setting, value in limits.settings().items():
        set_it = sql.SQL("ALTER ROLE {} SET {} = {}")
        commands.append(set_it.format(name, sql.Identifier(setting), sql.Literal(value)))
    admin.execute(sql.SQL("; ").join(commands))  # together, as each by itself would be a commit
