"""A lease on the one Postgres server of a purpose."""

from __future__ import annotations

import contextlib
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.services.lease import Lease, on_what_works
from labkit.services.postgres.admin import UNFINISHED, drop_database, execute, has_database
from labkit.services.postgres.database import Database
from labkit.services.postgres.fingerprint import Table
from labkit.services.postgres.limits import LEARNER, Limits
from labkit.services.postgres.template import Template


def postgres(purpose: str = "learner", backend: Backend | None = None) -> Postgres:
    """Joins the one server of that purpose, or starts it. Raises ServiceFault.

    "learner" is shared by a learner's kernels; "grading", or "grading-0" and so on, belong to one grading worker each.
    """
    return on_what_works(backend, lambda chosen: Postgres(purpose, chosen))


class Postgres:
    """A lease on the server. It stops when the last lease is closed or its holder is dead."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self.purpose, self.backend = purpose, backend
        self._lease = Lease(f"postgres-{purpose}", backend)
        self._admin: psycopg.Connection | None = None
        self._admin_lock = threading.RLock()
        self.given: dict[Template, tuple[tuple[Table, ...], dict[str, str]]] = {}  # fingerprints of what labs give
        self._own_writes = 0

    @property
    def where(self) -> str:
        """Where it runs, for people."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """E.g. "18.6"."""
        return self._lease.info["version"]

    @property
    def reach(self) -> dict[str, Any]:
        """How libpq reaches it as superuser: host, port, user, password. Raises ServiceFault."""
        return {name: self._lease.info[name] for name in ("host", "port", "user", "password")}

    def database(
        self, template: Template, *, limits: Limits = LEARNER, progress: Callable[[str], None] | None = None
    ) -> Database:
        """A new clone of the template, which is built first where it is missing. Raises ServiceFault."""
        return Database(self, template, limits, progress)

    def is_alive(self) -> bool:
        """Whether the server takes connections. It takes milliseconds to tell."""
        try:
            host, port = self.reach["host"], self.reach["port"]
        except ServiceFault:
            return False
        conninfo = make_conninfo(host=host, port=port, connect_timeout=2).encode()
        return pq.PGconn.ping(conninfo) == pq.Ping.OK

    def restart(self) -> None:
        """Asks the keeper for a new server process; databases of the old one are gone until their `reset`."""
        self._forget_admin()
        self._lease.restart()

    def renew(self) -> None:
        """As `restart`, and over new data: also templates are made again. Raises ServiceFault."""
        self._forget_admin()
        self._lease.restart(renew=True)

    def close(self) -> None:
        """Gives the lease back."""
        self._forget_admin()
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def superuser(self, dbname: str = "postgres") -> psycopg.Connection:
        """A connection as the superuser, in autocommit; only pg_catalog is on its search path."""
        options = "-c search_path=pg_catalog -c statement_timeout=0"
        return psycopg.connect(dbname=dbname, autocommit=True, options=options, **self.reach)

    @contextlib.contextmanager
    def administration(self) -> Iterator[psycopg.Connection]:
        """The one superuser connection that makes and drops databases, held by one thread at a time.

        Raises ServiceFault when the server is gone.
        """
        with self._admin_lock, self.fault_if_gone():
            yield self._fresh_admin()

    def writes(self) -> int:
        """How many transactions wrote anything on this server, in any database, but those of `writing`: what only reads gets no number.

        Raises ServiceFault.
        """
        with self.administration() as admin:
            row = admin.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
        assert row
        return int(row[0]) - self._own_writes

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """What is written meanwhile is the course's own, and in databases of its own. Raises ServiceFault."""
        before = self.writes()
        try:
            yield
        finally:
            with contextlib.suppress(ServiceFault):  # of a server that is gone, no database is kept
                self._own_writes += self.writes() - before

    def built(self, template: Template, progress: Callable[[str], None] | None = None) -> str:
        """The template's database. Of several processes that miss it, one builds it and the others wait."""
        name = template.database(self.version)
        with self.administration() as admin:
            if has_database(admin, name):
                return name
            if progress:
                progress(f"Making the data of {template.name}: only the first time.")
            admin.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            try:
                if not has_database(admin, name):
                    drop_database(admin, UNFINISHED + name)  # of a process that was killed
                    execute(admin, "CREATE DATABASE {} TEMPLATE template0", UNFINISHED + name)
                    template.build(admin, self.superuser(UNFINISHED + name), UNFINISHED + name)
            finally:
                admin.execute("SELECT pg_advisory_unlock_all()")
        return name

    @contextlib.contextmanager
    def fault_if_gone(self) -> Iterator[None]:
        """Tells an error of the server, such as a full disk, from one of the answer."""
        try:
            yield
        except psycopg.errors.DiskFull as error:
            raise ServiceFault(
                f"The disk is full: {str(error).strip()}. Free some space, or run `labkit clean --cache`."
            ) from error
        except psycopg.OperationalError as error:
            if self.is_alive():
                raise
            raise ServiceFault("The PostgreSQL server is gone. Restart it, and run this again.") from error

    def _fresh_admin(self) -> psycopg.Connection:
        """The connection, made anew where another process restarted the server meanwhile: that ends it, and can be read from it."""
        try:
            if self._admin and _has_news(self._admin):
                self._admin.execute("SELECT 1")
        except psycopg.OperationalError:
            self._forget_admin()
        try:
            self._admin = self._admin or self.superuser()
        except psycopg.OperationalError as error:
            if not self.is_alive():
                raise
            raise ServiceFault(
                f"The PostgreSQL server runs, but lets nobody in: {str(error).strip()} Restart it, and run this again."
            ) from error
        return self._admin

    def _forget_admin(self) -> None:
        with self._admin_lock, contextlib.suppress(psycopg.Error):
            if self._admin:
                self._admin.close()
        self._admin = None


def _has_news(connection: psycopg.Connection) -> bool:
    """Whether the server sent anything since the last command, which may be that it ends the session."""
    looked_at = select.poll()
    looked_at.register(connection, select.POLLIN)
    return bool(looked_at.poll(0))
