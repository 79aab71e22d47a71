"""Databases of a Postgres server, cloned from a template database that is made once and kept with the server's data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import URL

from .places import Storage

ROLE = "mlflow"  # owns all of these databases and nothing else
IDLE = 4  # connections that are kept for a place: a new one takes ten times as long as what is asked of it


class Kept(psycopg.Connection[Any]):
    """A connection that is kept for its place when it is closed in good order."""

    keep: Callable[[Kept], bool]

    def close(self) -> None:
        """Ends it, unless it is kept."""
        if self.closed or self.info.transaction_status != TransactionStatus.IDLE or not self.keep(self):
            super().close()


class PostgresStorage(Storage):
    """`server` is how its superuser reaches it: host, port, user, password; `template` the name of the template database."""

    def __init__(self, server: dict[str, Any], template: str) -> None:
        self._server, self._template = server, template
        self._reach = {**server, "user": ROLE}
        at = {"host": server["host"], "port": server["port"], "database": template}
        self.uri = URL.create("postgresql+psycopg", ROLE, server["password"], **at).render_as_string(
            hide_password=False
        )
        self._unfinished = f"{template}_unfinished"
        self._made = template  # what it is called while it is made
        self._idle: dict[str, list[Kept]] = defaultdict(list)  # by database

    def prepare(self) -> None:
        """The role, and the template, which is renamed when it is complete; databases that an earlier server left are dropped."""
        with psycopg.connect(dbname="postgres", autocommit=True, **self._server) as admin:
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
            _run(admin, "GRANT CONNECT ON DATABASE postgres TO {}", ROLE)
            password = sql.SQL("ALTER ROLE {} PASSWORD {}")
            admin.execute(password.format(sql.Identifier(ROLE), sql.Literal(self._server["password"])))
        with self._admin() as admin:
            kept = "SELECT datname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE rolname = %s AND datname <> %s"
            for (name,) in admin.execute(kept, [ROLE, self._template]).fetchall():
                _drop(admin, name)
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self._template]).fetchone():
                return
            _run(admin, "CREATE DATABASE {} TEMPLATE template0", self._unfinished)
            self._made = self._unfinished
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            SqlAlchemyStore(self.uri, "mlflow-artifacts:/").engine.dispose()  # migrates, and makes the first experiment
            self._made = self._template
            _run(admin, "ALTER DATABASE {} RENAME TO {}", self._unfinished, self._template)

    def connect(self, name: str, positional: list[Any], named: dict[str, Any]) -> Kept:
        database = _database(name) if name else self._made
        idle = self._idle[database]
        while idle:
            connection = idle.pop()
            if not connection.closed:
                return connection
        connection = Kept.connect(*positional, **{**named, "dbname": database})
        connection.keep = lambda kept: self._keep(database, kept) if name else False
        return connection

    def _keep(self, database: str, connection: Kept) -> bool:
        idle = self._idle.get(database)
        if idle is None or len(idle) >= IDLE:  # the place is gone, or has enough of them
            return False
        idle.append(connection)
        return True

    def _end_idle(self, database: str) -> None:
        for connection in self._idle.pop(database, []):
            psycopg.Connection.close(connection)

    def copy(self, name: str) -> None:
        with self._admin() as admin:
            _run(admin, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", _database(name), self._template)

    def remove(self, name: str) -> None:
        self._end_idle(_database(name))
        with self._admin() as admin:
            _drop(admin, _database(name))

    def rename(self, old: str, new: str) -> None:
        self._end_idle(_database(old))
        with self._admin() as admin:
            ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            admin.execute(ended, [_database(old)])
            _run(admin, "ALTER DATABASE {} RENAME TO {}", _database(old), _database(new))

    def size(self, name: str) -> int:
        with self._admin() as admin:
            found = admin.execute(
                "SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datname = %s", [_database(name)]
            )
            row = found.fetchone()
            return int(row[0] or 0) if row else 0

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(dbname="postgres", autocommit=True, **self._reach)


def _database(name: str) -> str:
    return f"place_{name}"


def _drop(admin: psycopg.Connection, name: str) -> None:
    _run(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _run(admin: psycopg.Connection, text: str, *names: str) -> None:
    admin.execute(sql.SQL(text).format(*map(sql.Identifier, names)))  # pyright: ignore[reportArgumentType] - our own text
