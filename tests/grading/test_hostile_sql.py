"""What an answer's SQL may try on the grading server: each attempt fails, harms nobody, and ends with a clear line."""

from __future__ import annotations

import psycopg
import pytest

from labkit import course
from labkit.checking.checks import AnswerError
from labkit.checking.process import CheckerProcess
from labkit.kinds.sql import answers
from labkit.services.postgres import GRADED, postgres
from labkit.services.postgres.lab_template import lab_template
from tests.grading.submissions import lab_source

KEY = "91-databases/jsonb-search"


@pytest.fixture
def server(backend):
    with postgres("grading") as found:
        yield found


@pytest.fixture
def database(server):
    with server.database(lab_template(KEY), limits=GRADED) as clone:
        yield clone


REFUSED = {  # what is tried -> what Postgres says
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/labkit-attack'": "permission denied to COPY to or from an external program",
    "COPY events TO '/tmp/labkit-attack'": "permission denied to COPY to a file",
    "SELECT pg_read_file('/etc/passwd')": "permission denied for function pg_read_file",
    "SELECT pg_ls_dir('/')": "permission denied for function pg_ls_dir",
    "SELECT lo_import('/etc/passwd')": "permission denied for function lo_import",
    "SELECT lo_export(lo_from_bytea(0, 'x'::bytea), '/tmp/labkit-attack')": "permission denied for function lo_export",
    "CREATE EXTENSION dblink": "permission denied to create extension",
    "CREATE EXTENSION file_fdw": "permission denied to create extension",
    "CREATE EXTENSION plpython3u": "plpython3u",
    "CREATE LANGUAGE other HANDLER plpgsql_call_handler": "superuser",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'": "permission denied for language c",
    "SET ROLE postgres": "permission denied to set role",
    "SET SESSION AUTHORIZATION postgres": "permission denied to set session authorization",
    "ALTER ROLE CURRENT_USER SUPERUSER": "permission denied to alter role",
    "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1": "permission denied to alter role",
    "ALTER ROLE CURRENT_USER SET temp_file_limit = -1": "permission denied to set parameter",
    "SET temp_file_limit = -1": "permission denied to set parameter",
    "ALTER SYSTEM SET fsync = on": "permission denied to set parameter",
    "CREATE ROLE other LOGIN SUPERUSER": "permission denied to create role",
    "CREATE DATABASE other": "permission denied to create database",
    "CREATE SCHEMA other": "permission denied for database",
    "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()": "permission denied",
    "CREATE TABLESPACE t LOCATION '/tmp'": "permission denied to create tablespace",
    "SELECT * FROM pg_authid": "permission denied for table pg_authid",
    "UPDATE pg_database SET datistemplate = false": "permission denied for table pg_database",
    "CREATE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'": "permission denied for schema pg_catalog",
    "CREATE PUBLICATION p FOR ALL TABLES": "permission denied",
    "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p": "permission denied",
    "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw": "does not exist",
    "SELECT pg_reload_conf()": "permission denied for function pg_reload_conf",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()": "permission denied to terminate",
}


def test_what_a_role_without_privileges_must_not_do_is_refused(database):
    """In one database, as each attempt leaves nothing behind."""
    for attempt, says in REFUSED.items():
        with pytest.raises(AnswerError) as caught:
            answers.run(database, attempt)
        assert says in str(caught.value), attempt


def test_another_database_is_out_of_reach(server, database):
    with (
        server.database(lab_template(KEY), limits=GRADED) as other,
        pytest.raises(psycopg.OperationalError, match="permission denied"),
    ):
        psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, dbname=other.name))
    with server.superuser() as admin:
        names = "SELECT datname FROM pg_database WHERE datname = 'postgres' OR datname LIKE 'template%'"
        forbidden = [name for (name,) in admin.execute(names)]
    assert len(forbidden) > 3  # Postgres' own, and the lab's template
    for name in forbidden:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, dbname=name))


ENDLESS = {
    "no time-out": "SET statement_timeout = 0; SELECT pg_sleep(600)",
    "catches the cancel": "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$",
    "a COPY that sleeps": "SET statement_timeout = 0; COPY (SELECT repeat('x', 20000), pg_sleep(CASE n WHEN 1 THEN 0 ELSE 600 END)"
    " FROM generate_series(1, 2) AS n) TO STDOUT",
    "cross join": "SELECT count(*) FROM events a, events b, events c",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_endless_answer_is_stopped_at_its_deadline(kind, database, server):
    with pytest.raises(AnswerError, match="ran for over 1 s and was stopped"):
        answers.run(database, ENDLESS[kind], deadline=1)
    with server.superuser() as admin:
        left = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'"
        assert admin.execute(left, [database.role]).fetchone() == (0,)


@pytest.mark.parametrize("code", ["58030", "53100", "XX000", "57P01", "08006"])
def test_an_error_that_an_answer_raises_is_its_own(code, database):
    """Whatever it calls itself: else nobody who fails would be marked."""
    with pytest.raises(AnswerError, match="Postgres says: the disk is broken"):
        answers.run(database, f"DO $$ BEGIN RAISE EXCEPTION 'the disk is broken' USING ERRCODE = '{code}'; END $$")


def test_a_long_error_is_cut(database):
    long = "DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 3000000) USING HINT = repeat('y', 3000000), DETAIL = repeat('z', 3000000); END $$"
    with pytest.raises(AnswerError, match=r"x{600}…\. z{600}… y{600}…$"):
        answers.run(database, long)


def test_what_is_given_up_does_not_go_on(database):
    """Rows that cannot be read end the query on our side; what follows them in the text must not happen a moment later."""
    rows = "SELECT 'infinity'::date, repeat('x', 100) FROM generate_series(1, 400)"
    with pytest.raises((AnswerError, psycopg.DataError)):
        answers.query(database, f"BEGIN READ WRITE; {rows}; SELECT pg_sleep(1); DELETE FROM events; COMMIT")
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = user").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (100_000,)


def test_a_role_cannot_make_checks_look_elsewhere(database):
    """Names are looked for in pg_catalog and public, whatever the role made of its own search path."""
    with pytest.raises(AnswerError, match="makes a function upper of its own"):
        answers.run(
            database,
            "CREATE FUNCTION public.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'another one' $$;"
            "ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog",
        )
    with database.connect() as connection:
        assert connection.execute("SELECT upper('a'::text)").fetchone() == ("A",)


def test_temp_files_are_limited(database):
    big = "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT g, repeat(g::text, 50) AS t FROM generate_series(1, 3000000) g ORDER BY t) s"
    with pytest.raises(AnswerError, match="temporary file size exceeds"):
        answers.run(database, big)


def test_sessions_are_limited(database):
    """A swarm of sessions ends at the role's limit, and the checker can still look."""
    sessions = []
    try:
        sessions += [database.connect() for _ in range(GRADED.connections)]
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            database.connect()
        with database.admin() as admin:
            assert admin.execute("SELECT 1").fetchone() == (1,)
    finally:
        for session in sessions:
            session.close()


def test_rows_without_end_are_counted_and_not_kept(database):
    with pytest.raises(AnswerError, match=r"gives 2,000,000 rows, more than is read"):
        answers.query(database, "SELECT repeat('x', 100) FROM generate_series(1, 2000000)")


def test_nothing_is_left_for_the_next_submission(server):
    """Tables, large objects, settings, locks and listeners of one answer are not there for the next."""
    leave = (
        "CREATE TABLE left_behind (x int); SELECT lo_from_bytea(0, 'left behind'::bytea);"
        "SET search_path = nowhere; ALTER ROLE CURRENT_USER SET search_path = nowhere; SELECT pg_advisory_lock(42); LISTEN channel"
    )
    with server.database(lab_template(KEY), limits=GRADED) as first:
        held = first.connect()
        held.execute(leave)
    with server.database(lab_template(KEY), limits=GRADED) as second, second.connect() as connection:
        seen = "SELECT to_regclass('left_behind'), (SELECT count(*) FROM pg_largeobject_metadata), current_setting('search_path')"
        assert connection.execute(seen).fetchone() == (None, 0, "public")
        assert connection.execute("SELECT pg_try_advisory_lock(42)").fetchone() == (True,)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (100_000,)
        assert second.role != first.role
    held.close()


LIES = {  # answers that try to earn points with something else than the right answer
    "expected rows from a poisoned table": (
        "index",
        "DELETE FROM events; CREATE INDEX ON events USING gin (doc jsonb_path_ops);",
        {"test_finds_the_refunds", "test_finds_the_refunds_in_other_data"},
    ),
    "functions that shadow pg_catalog": (
        "index",
        "CREATE FUNCTION public.pg_relation_size(oid) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';"
        "ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog; CREATE INDEX ON events USING gin (doc);",
        {"test_index_is_small"},
    ),
    "a view in the table's place": (
        "index",
        "ALTER TABLE events RENAME TO real; CREATE VIEW events AS SELECT * FROM real;"
        "CREATE INDEX ON real USING gin (doc jsonb_path_ops);",
        {"test_has_a_gin_index"},
    ),
}


@pytest.mark.slow
def test_no_lie_earns_what_it_is_about(backend):
    lab = course.find("jsonb-search")
    solutions = lab_source(lab).solutions()
    with CheckerProcess("grading") as checker:
        for kind, (name, text, must_fail) in LIES.items():
            verdicts = checker.check(lab, {**solutions, name: text}, hidden=True)
            failed = {v.check for v in verdicts if v.outcome in ("fail", "unchecked")}
            assert not [v for v in verdicts if v.outcome == "fault"], kind
            assert must_fail <= failed, kind
