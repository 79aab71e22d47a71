"""What a role may not do, on the server that graded answers run on: each attempt is one that an answer made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.services.postgres import GRADED, Database, Limits, Postgres, postgres
from tests.patience import PATIENCE
from tests.services.conftest import ROWS

DENIED = {
    "runs a program": "COPY item FROM PROGRAM 'id'",
    "writes through a program": "COPY item TO PROGRAM 'cat > /tmp/x'",
    "reads a file with COPY": "COPY item FROM '/etc/passwd'",
    "writes a file with COPY": "COPY item TO '/tmp/x'",
    "reads a file": "SELECT pg_read_file('/etc/passwd')",
    "lists a folder": "SELECT pg_ls_dir('.')",
    "imports a file as a large object": "SELECT lo_import('/etc/passwd')",
    "becomes the superuser": "SET ROLE postgres",
    "becomes the superuser's session": "SET SESSION AUTHORIZATION postgres",
    "becomes the owner of templates": "SET ROLE lab_owner",
    "makes itself superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "reads passwords": "SELECT * FROM pg_authid",
    "gets dblink": "CREATE EXTENSION dblink",
    "gets a foreign server": "CREATE EXTENSION postgres_fdw",
    "gets a file wrapper": "CREATE EXTENSION file_fdw",
    "gets a trusted extension": "CREATE EXTENSION hstore",
    "makes a function in C": "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc.so.6', 'abort'",
    "makes a role": "CREATE ROLE mine",
    "makes a database": "CREATE DATABASE mine",
    "makes a schema": "CREATE SCHEMA mine",
    "changes its database": "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET jit=on', current_database()); END$$",
    "changes the server": "ALTER SYSTEM SET shared_buffers = '8GB'",
    "loads a library": "LOAD 'auto_explain'",
    "lifts its temp-file limit": "SET temp_file_limit = -1",
    "ends a session of the superuser": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = 10",
    "makes a subscription": "CREATE SUBSCRIPTION s CONNECTION 'host=localhost' PUBLICATION p",
    "makes an event trigger": "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION now()",
    "signals the server": "SELECT pg_reload_conf()",
    "uses a tablespace": "CREATE TABLESPACE t LOCATION '/tmp'",
}


@pytest.fixture(scope="module")
def server(shared_home: Path, backend: Backend) -> Iterator[Postgres]:
    with postgres("grading", backend=backend) as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    with server.database(ROWS, limits=GRADED) as database:
        yield database


@pytest.mark.parametrize("statement", DENIED.values(), ids=DENIED.keys())
def test_is_denied(database: Database, statement: str) -> None:
    with server_sessions(database), database.connect() as connection:
        refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)
        with pytest.raises(refused):
            connection.execute(statement)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def server_sessions(database: Database) -> psycopg.Connection:
    """A session of the superuser, so that there is one to be attacked."""
    return database.admin()


@pytest.mark.parametrize("other", ["postgres", "template1", "another clone", "the template"])
def test_cannot_enter_another_database(server: Postgres, database: Database, other: str) -> None:
    with server.database(ROWS) as clone:
        name = {"another clone": clone.name, "the template": ROWS.database(server.version)}.get(other, other)
        with pytest.raises(psycopg.OperationalError, match=r"permission denied|not currently accepting"):
            database.connect(dbname=name)


def test_superuser_needs_the_password(database: Database) -> None:
    for password in ("", "postgres", database.password):
        with pytest.raises(psycopg.OperationalError, match="password"):
            database.connect(user="postgres", password=password)


def test_the_socket_s_neighbours_are_closed(database: Database, server: Postgres, shared_home: Path) -> None:
    kept = shared_home / "postgres"
    assert not (kept / "grading.password").stat().st_mode & 0o077
    for data in kept.glob("grading-*"):
        assert not data.stat().st_mode & 0o077
    from labkit.services.lease import socket_path

    assert not socket_path("postgres-grading", server.backend).stat().st_mode & 0o077


def test_connections_run_out(database: Database) -> None:
    held = [database.connect() for _ in range(GRADED.connections)]
    with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
        database.connect()
    for connection in held:
        connection.close()


def test_temporary_files_run_out(database: Database) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
        connection.execute("SELECT repeat(md5(g::text), 30) x FROM generate_series(1, 1000000) g ORDER BY x")


def test_memory_of_a_session_runs_out_and_the_server_stays(server: Postgres, database: Database) -> None:
    with database.connect() as connection:
        with pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute("SELECT array_agg(repeat('x', 50000000)) FROM generate_series(1, 40)")
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert server.is_alive()


def test_a_table_cannot_fill_the_disk(server: Postgres, database: Database) -> None:
    with database.connect() as connection:
        connection.execute("SET statement_timeout = 0; CREATE TABLE big (x text STORAGE EXTERNAL)")
        with pytest.raises(psycopg.Error, match="File too large"):
            connection.execute("INSERT INTO big SELECT repeat('x', 7500) FROM generate_series(1, 100000)")
    assert server.is_alive()


def test_time_runs_out(server: Postgres) -> None:
    limits = Limits(statement=1, lock=1, idle_in_transaction=600, connections=2, temp_mb=1)
    with server.database(ROWS, limits=limits) as database, database.connect() as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(3600)")
        with database.connect() as other, other.transaction():
            other.execute("LOCK item")
            with pytest.raises((psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)):
                connection.execute("SELECT * FROM item")


def test_a_deadline_holds_where_the_role_lifts_its_time_out(database: Database) -> None:
    with database.connect() as connection, database.deadline(0.3):
        connection.execute("SET statement_timeout = 0")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(3600)")


@pytest.mark.parametrize("undoable", [False, True])
def test_reset_gets_through_a_storm_of_sessions(database: Database, undoable: bool) -> None:
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            try:
                with database.connect() as connection:
                    connection.execute("SET statement_timeout = 0; SELECT pg_sleep(60)")
            except (psycopg.Error, ServiceFault):
                continue

    threads = [threading.Thread(target=storm) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        database.reset(undoable=undoable)
        assert database.undo_reset() == undoable
    finally:
        stop.set()
        database.end_sessions()
        database.drop()
        for thread in threads:
            thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


def test_nothing_is_left_for_the_next(server: Postgres) -> None:
    with server.database(ROWS) as first, first.connect() as connection:
        connection.execute("CREATE TABLE message AS SELECT 'the answer' AS is; SELECT lo_from_bytea(0, 'the answer')")
        connection.execute("CREATE TEMP TABLE t (); SELECT set_config('labkit.message', 'the answer', false)")
        connection.execute("NOTIFY message, 'the answer'; SELECT pg_advisory_lock(1)")
    with server.database(ROWS) as second, second.connect() as connection:
        assert connection.execute("SELECT to_regclass('message')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)
        assert connection.execute("SELECT current_setting('labkit.message', true)").fetchone() == (None,)
        others = "SELECT count(*) FROM pg_stat_activity WHERE usename NOT IN (current_user, 'postgres')"
        assert connection.execute(others).fetchone() == (0,)
