"""What the superuser does to whole databases and roles, whose names it quotes."""

from __future__ import annotations

import time
from typing import Literal

import psycopg
from psycopg import sql

OWNER = "lab_owner"  # who owns everything in a template, and in a clone nothing
CLONE, TEMPLATE, UNFINISHED = "lab_", "template_", "unfinished_"  # how the names of databases begin
ENDING = 1.0  # seconds for the sessions of a database that is dropped; DROP waits for longer by itself


def execute(connection: psycopg.Connection, command: str, *names: str) -> None:
    """Runs a command with names in it, quoted."""
    quoted = map(sql.Identifier, names)
    connection.execute(sql.SQL(command).format(*quoted))  # pyright: ignore[reportArgumentType]


def has_database(connection: psycopg.Connection, name: str) -> bool:
    """Whether there is such a database."""
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    return found.fetchone() is not None


def has_role(connection: psycopg.Connection, name: str) -> bool:
    """Whether there is such a role."""
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is not None


def end_sessions(connection: psycopg.Connection, whose: Literal["datname", "usename"], name: str, wait: float) -> None:
    """Ends the sessions of a database or a role, and awaits that for `wait` seconds.

    DROP itself, and pg_terminate_backend() where it is told to wait, look again after 100 ms only: we look each millisecond.
    """
    sessions = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whose} = %s".encode()
    deadline = time.monotonic() + wait
    while connection.execute(sessions, [name]).fetchall() and time.monotonic() < deadline:
        time.sleep(0.001)


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Ends a database's sessions and drops it, if it is there."""
    end_sessions(connection, "datname", name, ENDING)
    execute(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def rename_database(connection: psycopg.Connection, name: str, new: str) -> None:
    """Ends a database's sessions and gives it another name; what had that name is dropped."""
    drop_database(connection, new)
    execute(connection, "ALTER DATABASE {} ALLOW_CONNECTIONS false", name)  # others may try to connect again and again
    end_sessions(connection, "datname", name, ENDING)
    execute(connection, "ALTER DATABASE {} RENAME TO {}", name, new)
    execute(connection, "ALTER DATABASE {} ALLOW_CONNECTIONS true", new)
