"""What the keeper does with a server that just started, on every backend."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from labkit.machine.fault import ServiceFault
from labkit.services.postgres.admin import CLONE, OWNER, UNFINISHED, drop_database, execute, has_role


def wait_until_ready(reach: dict[str, Any], check_alive: Callable[[], None], patience: float) -> None:
    """Until the server takes connections. `check_alive` raises where it never will; else ServiceFault after
    `patience` s."""
    conninfo = make_conninfo(host=reach["host"], port=reach["port"], connect_timeout=2).encode()
    deadline = time.monotonic() + patience
    while pq.PGconn.ping(conninfo) != pq.Ping.OK:
        check_alive()
        if time.monotonic() > deadline:
            raise ServiceFault(
                f"PostgreSQL started, but took no connection within {patience:g} s. Run `labkit doctor`."
            )
        time.sleep(0.005)  # a server tells nobody that it is ready; pg_ctl asks in the same way, every 100 ms


def prepare(reach: dict[str, Any]) -> str:
    """Drops the clones of an earlier server, with their roles, and makes the owner of templates.

    Returns the server's version, e.g. "18.6". Raises ServiceFault.
    """
    try:
        with psycopg.connect(dbname="postgres", autocommit=True, **reach) as connection:
            _drop_leftovers(connection)
            if not has_role(connection, OWNER):
                execute(connection, "CREATE ROLE {} NOLOGIN", OWNER)
            connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
            return (connection.info.parameter_status("server_version") or "?").split()[0]
    except psycopg.Error as error:
        raise ServiceFault(f"The PostgreSQL server started, but its data is not usable: {error}") from error


def _drop_leftovers(connection: psycopg.Connection) -> None:
    left = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) OR starts_with(datname, %s)"
    for (name,) in connection.execute(left, [CLONE, UNFINISHED]).fetchall():
        drop_database(connection, name)
    roles = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) AND rolname <> %s"
    for (name,) in connection.execute(roles, [CLONE, OWNER]).fetchall():
        execute(connection, "DROP ROLE {}", name)
