"""Postgres for the labs: one server that is joined or started, and a database of its own for each answer.

    with postgres() as server, server.database(template) as database, database.connect() as connection: ...

The rest is in `keeper` (who owns the server) and `postgres_embedded`, `postgres_docker` (how it runs).
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from labkit.services.backend import Backend, choose
from labkit.services.fault import ServiceFault
from labkit.services.lease import Lease
from labkit.services.postgres_prepare import CLONE, OWNER, TEMPLATE, UNFINISHED

__all__ = ["GRADED", "LEARNER", "Database", "Limits", "Postgres", "ServiceFault", "Template", "postgres"]

EXTENSIONS = ("btree_gist", "pg_trgm")  # made by the superuser, as no role of a lab may make any
KEPT = 4  # templates of one name: an author's older ones are dropped, and made again where they are wanted


@dataclass(frozen=True)
class Limits:
    """What the role of one database may use. Times are in seconds.

    A role may change its own time-outs (they are settings of its session), but not `connections` and `temp_mb`.
    So they stop mistakes; against intent, run answers with a deadline from outside (`sql.execute`, `Database.deadline`).
    """

    statement: float
    lock: float
    idle_in_transaction: float
    connections: int
    temp_mb: int

    def settings(self) -> dict[str, str]:
        """The limits as settings of a role."""
        return {
            "statement_timeout": f"{self.statement:g}s",
            "lock_timeout": f"{self.lock:g}s",
            "idle_in_transaction_session_timeout": f"{self.idle_in_transaction:g}s",
            "temp_file_limit": f"{self.temp_mb}MB",
        }


LEARNER = Limits(statement=60, lock=30, idle_in_transaction=600, connections=20, temp_mb=256)
GRADED = Limits(statement=10, lock=10, idle_in_transaction=30, connections=20, temp_mb=256)


@dataclass(frozen=True)
class Template:
    """What a database starts as: `scripts` (SQL texts) run as `lab_owner`, with `seed` in `labkit.seed`."""

    name: str
    scripts: Sequence[str]
    seed: int | str

    def database(self, version: str) -> str:
        """The template's database on a server of this version: another content is another name."""
        content = repr((list(self.scripts), str(self.seed), version, EXTENSIONS))
        return f"{self._stem()}_{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    def clone(self) -> str:
        """A new name for a clone and its role."""
        return f"{CLONE}{_plain(self.name)}_{secrets.token_hex(4)}"

    def _stem(self) -> str:
        return f"{TEMPLATE}{_plain(self.name)}"


def _plain(name: str) -> str:
    """A name of at most 32 letters, digits and underscores, so that it needs no quotes anywhere."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name.lower())[:32]


def postgres(purpose: Literal["learner", "grading"] = "learner", backend: Backend | None = None) -> Postgres:
    """Joins the one server of that purpose, or starts it. Raises ServiceFault."""
    return Postgres(purpose, choose(backend))


class Postgres:
    """A lease on the server. It stops when the last lease is closed or its holder is dead."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self.purpose, self.backend = purpose, backend
        self._lease = Lease(f"postgres-{purpose}", backend)
        self._admin: psycopg.Connection | None = None
        self._admin_lock = threading.RLock()

    @property
    def where(self) -> str:
        """Where it runs, for people."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """E.g. "18.6"."""
        return self._lease.info["version"]

    def database(
        self, template: Template, *, limits: Limits = LEARNER, progress: Callable[[str], None] | None = None
    ) -> Database:
        """A new database: a clone of the template, which is built first where it is missing. Raises ServiceFault."""
        with self._fault_if_gone():
            source = self._built(template, progress)
            return Database(self, template.clone(), source, limits)

    def is_alive(self) -> bool:
        """Whether the server takes connections. It takes milliseconds to tell."""
        info = self._lease.info
        conninfo = make_conninfo(host=info["host"], port=info["port"], connect_timeout=2)
        return pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK

    def restart(self) -> None:
        """Asks the keeper for a new server process. Databases of the old one are gone: `reset` makes them again."""
        self._forget_admin()
        self._lease.restart()

    def close(self) -> None:
        """Gives the lease back."""
        self._forget_admin()
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def superuser(self, dbname: str = "postgres", **kwargs: Any) -> psycopg.Connection:
        """A connection as the superuser, in autocommit; only pg_catalog is on its search path."""
        reach = {name: self._lease.info[name] for name in ("host", "port", "user", "password")}
        options = "-c search_path=pg_catalog -c statement_timeout=0"
        return psycopg.connect(dbname=dbname, autocommit=True, options=options, **reach, **kwargs)

    @contextlib.contextmanager
    def administration(self) -> Iterator[psycopg.Connection]:
        """The one superuser connection that makes and drops databases, held by one thread at a time."""
        with self._admin_lock:
            if self._admin is None or self._admin.closed:
                self._admin = self.superuser()
            try:
                yield self._admin
            except psycopg.OperationalError:
                self._forget_admin()
                raise

    def _forget_admin(self) -> None:
        with self._admin_lock, contextlib.suppress(psycopg.Error):
            if self._admin:
                self._admin.close()
        self._admin = None

    @contextlib.contextmanager
    def _fault_if_gone(self) -> Iterator[None]:
        """Tells an error of the server, such as a full disk, from one of the answer."""
        try:
            yield
        except psycopg.errors.DiskFull as error:
            raise ServiceFault(
                f"The disk is full: {error}. Free some space, or run `labkit clean --cache`."
            ) from error
        except psycopg.OperationalError as error:
            if self.is_alive():
                raise
            raise ServiceFault(
                f"The PostgreSQL server is gone ({self.where}). Restart it, and run this again."
            ) from error

    def _built(self, template: Template, progress: Callable[[str], None] | None) -> str:
        """The template's database, built where it is missing; of several who want it, one builds and the others wait."""
        name = template.database(self.version)
        with self.administration() as admin:
            if _exists(admin, name):
                return name
            if progress:
                progress(f"Making the data of {template.name}: only the first time.")
            admin.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            try:
                if not _exists(admin, name):
                    self._build(admin, template, name)
            finally:
                admin.execute("SELECT pg_advisory_unlock_all()")
        return name

    def _build(self, admin: psycopg.Connection, template: Template, name: str) -> None:
        unfinished = UNFINISHED + name
        _drop_database(admin, unfinished)
        _execute(admin, "CREATE DATABASE {} TEMPLATE template0", unfinished)
        try:
            with self.superuser(unfinished) as connection:
                _fill(connection, template)
        except psycopg.Error as error:
            _drop_database(admin, unfinished)
            raise ServiceFault(
                f"The data of {template.name} cannot be made: {str(error).strip()} "
                "This is a fault of the course's own SQL, not of an answer: report it."
            ) from error
        _execute(admin, "ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", unfinished)
        _execute(admin, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
        _drop_older(admin, name)


class Database:
    """A clone of a template, with a role of its own that owns its tables and nothing else; both dropped on exit."""

    def __init__(self, server: Postgres, name: str, source: str, limits: Limits) -> None:
        self.server, self.name, self.role, self.limits = server, name, name, limits
        self.password = secrets.token_hex(16)
        self._source = source
        self._make()

    @property
    def host(self) -> str:
        """The socket's folder, or a host's name."""
        return self.server._lease.info["host"]

    @property
    def port(self) -> int:
        """The port; of a socket, the number in its name."""
        return self.server._lease.info["port"]

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
        return make_conninfo(
            host=self.host, port=self.port, dbname=self.name, user=self.role, password=self.password
        )

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"database {self.name}, {self.server.where}"

    def connect(self, **kwargs: Any) -> psycopg.Connection:
        """A connection as the role; autocommit unless told otherwise. Raises ServiceFault when the server is gone."""
        with self.server._fault_if_gone():
            return psycopg.connect(self.conninfo, **{"autocommit": True, **kwargs})

    def admin(self) -> psycopg.Connection:
        """The superuser in this database: only for pg_catalog, as the answer's triggers would run as superuser."""
        with self.server._fault_if_gone():
            return self.server.superuser(self.name)

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Ends all of the role's sessions when the block takes longer, whatever time-outs the role set for itself."""
        timer = threading.Timer(seconds, self.end_sessions)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def end_sessions(self) -> None:
        """Ends all sessions of the role. What they left unfinished is rolled back."""
        with contextlib.suppress(psycopg.Error), self.server.superuser() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [self.role]
            )

    def reset(self) -> None:
        """Back to the template under the same name, role and password; its sessions end. Raises ServiceFault."""
        with self.server._fault_if_gone():
            with self.server.administration() as admin:
                _drop_database(admin, self.name)
            self._make()

    def drop(self) -> None:
        """Drops the database and its role. A server that is gone has dropped them already."""
        with contextlib.suppress(psycopg.OperationalError), self.server.administration() as admin:
            _drop_database(admin, self.name)
            _execute(admin, "DROP ROLE IF EXISTS {}", self.role)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def _make(self) -> None:
        with self.server.administration() as admin:
            _make_role(admin, self.role, self.password, self.limits)
            _execute(admin, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", self.name, self._source)
            _execute(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", self.name)
            _execute(admin, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", self.name, self.role)
        with self.server.superuser(self.name) as inside:  # nothing of an answer is in it yet
            _execute(inside, "REASSIGN OWNED BY {} TO {}", OWNER, self.role)


def _make_role(admin: psycopg.Connection, role: str, password: str, limits: Limits) -> None:
    """The role as it must be, also where an answer changed its own password or settings."""
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        _execute(admin, "CREATE ROLE {} NOINHERIT NOCREATEDB NOCREATEROLE", role)
    _execute(admin, "ALTER ROLE {} RESET ALL", role)
    entry = sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}")
    admin.execute(entry.format(sql.Identifier(role), sql.Literal(limits.connections), sql.Literal(password)))
    for name, value in limits.settings().items():
        setting = sql.SQL("ALTER ROLE {} SET {} = {}")
        admin.execute(setting.format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value)))


def _fill(connection: psycopg.Connection, template: Template) -> None:
    for extension in EXTENSIONS:
        _execute(connection, "CREATE EXTENSION {} SCHEMA public", extension)
    _execute(connection, "ALTER SCHEMA public OWNER TO {}", OWNER)
    connection.execute("SELECT set_config('search_path', 'public', false)")
    connection.execute("SELECT set_config('labkit.seed', %s, false)", [str(template.seed)])
    _execute(connection, "SET SESSION AUTHORIZATION {}", OWNER)
    for script in template.scripts:
        connection.execute(script.encode())
    connection.execute("RESET SESSION AUTHORIZATION")
    connection.execute("VACUUM (ANALYZE)")


def _exists(admin: psycopg.Connection, database: str) -> bool:
    return admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def _drop_database(admin: psycopg.Connection, name: str) -> None:
    """Ends the sessions and drops the database. DROP would wait for a session's end in steps of 100 ms: we look."""
    sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    deadline = time.monotonic() + 1
    while admin.execute(sessions, [name]).fetchall() and time.monotonic() < deadline:
        time.sleep(0.001)
    _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _drop_older(admin: psycopg.Connection, name: str) -> None:
    """Keeps the newest templates of the same name; one that is just being cloned cannot be dropped, and stays."""
    older = "SELECT datname FROM pg_database WHERE datistemplate AND starts_with(datname, %s) ORDER BY oid DESC OFFSET %s"
    for (old,) in admin.execute(older, [name[: name.rindex("_") + 1], KEPT]).fetchall():
        with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
            _execute(admin, "ALTER DATABASE {} IS_TEMPLATE false", old)
            _drop_database(admin, old)


def _execute(connection: psycopg.Connection, command: str, *names: str) -> None:
    """Runs a command with names in it, quoted."""
    connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))  # pyright: ignore[reportArgumentType]
