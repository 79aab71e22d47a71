"""A server is joined, databases are cloned from a template, reset and dropped."""

from __future__ import annotations

import subprocess
from hashlib import md5

import psycopg
import pytest
import sqlalchemy

from labkit.machine.fault import ServiceFault
from labkit.services.postgres import Postgres, Template, postgres
from labkit.services.postgres.embedded import GET_FLAGS, TOP_OF_HIERARCHY
from labkit.services.postgres.template import KEPT
from tests.patience import PATIENCE, until
from tests.services.conftest import ROWS, python


def templates(server: Postgres) -> list[str]:
    with server.administration() as admin:
        found = admin.execute("SELECT datname FROM pg_database WHERE datistemplate AND datname ~ '^template_'")
        return [name for (name,) in found.fetchall()]


def test_says_where_it_runs(server: Postgres, backend: str) -> None:
    assert server.version.startswith("18.")
    assert server.where.startswith(f"PostgreSQL {server.version}")
    assert ("container" in server.where) == (backend == "docker")
    assert server.is_alive()


def test_a_second_process_joins_the_same_server(server: Postgres, backend: str) -> None:
    code = "server = postgres(backend=sys.argv[1]); print(server.where)"
    assert python(code, backend).communicate(timeout=PATIENCE)[0].strip() == server.where
    assert server.is_alive()


def test_both_purposes_have_a_server_of_their_own(server: Postgres, backend: str) -> None:
    with postgres("grading", backend=backend) as graded:
        assert graded.where != server.where


def test_clone_has_the_data_and_its_role_owns_it(server: Postgres) -> None:
    with server.database(ROWS) as database, database.connect() as connection:
        seeded = md5(f"1{ROWS.seed}".encode()).hexdigest()
        assert connection.execute("SELECT word FROM item WHERE id = 1").fetchone() == (seeded,)
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)
        owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert connection.execute(f"{owners} AND relkind IN ('r', 'v', 'S')").fetchall() == [(database.role,)]
        connection.execute("CREATE INDEX ON item (word); ALTER TABLE item ADD note text; CREATE TABLE mine ()")
        assert connection.execute("SELECT 'a'::text % 'a'").fetchone() == (True,)  # pg_trgm is there


def test_url_is_for_sqlalchemy_and_conninfo_for_libpq(server: Postgres) -> None:
    with server.database(ROWS) as database:
        engine = sqlalchemy.create_engine(database.url)
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT current_user")) == database.role
        engine.dispose()
        with psycopg.connect(database.conninfo) as connection:
            assert connection.info.dbname == database.name


def test_clones_are_apart_and_dropped_with_their_roles(server: Postgres) -> None:
    with server.database(ROWS) as one, server.database(ROWS) as other:
        with one.connect() as connection:
            connection.execute("DELETE FROM item")
        with other.connect() as connection:
            assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)
    with server.administration() as admin:
        left = "SELECT datname FROM pg_database WHERE datname = ANY(%(names)s) UNION SELECT rolname FROM pg_roles "
        names = {"names": [one.name, other.name]}
        assert admin.execute(f"{left} WHERE rolname = ANY(%(names)s)", names).fetchall() == []


def test_reset_undoes_everything_and_keeps_the_credentials(server: Postgres) -> None:
    with server.database(ROWS) as database:
        before = database.conninfo
        connection = database.connect()
        connection.execute("DROP SCHEMA public CASCADE; SELECT lo_create(0); SELECT pg_advisory_lock(1)")
        connection.execute(
            f"ALTER ROLE {database.role} PASSWORD 'changed'; ALTER ROLE {database.role} SET work_mem = '1GB'"
        )
        database.reset()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        assert database.conninfo == before
        with database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)
            assert connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)
            assert connection.execute("SHOW work_mem").fetchone() == ("4MB",)


def test_a_reset_can_be_undone_once(server: Postgres) -> None:
    with server.database(ROWS) as database:
        assert not database.undo_reset()
        for word in ("first", "second"):
            with database.connect() as connection:
                connection.execute(f"CREATE TABLE {word} ()")
            database.reset(undoable=True)
        connection = database.connect()
        assert database.undo_reset()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        with database.connect() as connection:
            found = "SELECT to_regclass('first'), to_regclass('second'), has_schema_privilege('public', 'CREATE')"
            assert connection.execute(found).fetchone() == (None, "second", True)
        assert not database.undo_reset()
        database.reset(undoable=True)
    with server.administration() as admin:
        left = "SELECT count(*) FROM pg_database WHERE starts_with(datname, %s)"
        assert admin.execute(left, [database.name]).fetchone() == (0,)


def test_another_seed_is_another_template(server: Postgres) -> None:
    said: list[str] = []
    other = Template(ROWS.name, ROWS.scripts, seed=8)
    with server.database(ROWS) as one, server.database(other, progress=said.append) as two:
        words = [db.connect().execute("SELECT word FROM item WHERE id = 1").fetchone() for db in (one, two)]
    assert words[0] != words[1]
    assert said == ["Making the data of rows: only the first time."]
    assert {ROWS.database(server.version), other.database(server.version)} <= set(templates(server))


def test_old_templates_of_a_name_are_dropped_but_a_clone_still_resets(server: Postgres) -> None:
    versions = [Template("edited", (f"CREATE TABLE t AS SELECT {n} AS n",), seed=1) for n in range(KEPT + 2)]
    with server.database(versions[0]) as first:
        for version in versions[1:]:
            server.database(version).drop()
        kept = [name for name in templates(server) if "edited" in name]
        assert sorted(kept) == sorted(version.database(server.version) for version in versions[2:])
        first.reset()
        with first.connect() as connection:
            assert connection.execute("SELECT n FROM t").fetchone() == (0,)


def test_faulty_data_is_the_course_s_fault(server: Postgres) -> None:
    with pytest.raises(ServiceFault, match=r"(?s)The data of faulty cannot be made: .*nowhere.*report it"):
        server.database(Template("faulty", ("SELECT * FROM nowhere",), seed=1))


def test_template_scripts_do_not_run_as_superuser(server: Postgres) -> None:
    with pytest.raises(ServiceFault, match="permission denied"):
        server.database(Template("grasping", ("SELECT pg_read_file('/etc/passwd')",), seed=1))


def test_two_processes_that_miss_a_template_build_it_once(server: Postgres, backend: str) -> None:
    code = """
template = Template("race", ("CREATE TABLE built AS SELECT pg_backend_pid() AS by, pg_sleep(0.5)::text",), seed=1)
with postgres(backend=sys.argv[1]) as server, server.database(template) as database:
    print(database.connect().execute("SELECT by FROM built").fetchone()[0])
"""
    racers = [python(code, backend) for _ in range(3)]
    built_by = {racer.communicate(timeout=PATIENCE)[0].strip() for racer in racers}
    assert len(built_by) == 1
    assert built_by != {""}


# In the container and here, by the same program: prints the flags of the folder of databases, and nothing where there are none.
FLAGS = f"""open(my $folder, "<", "$ENV{{PGDATA}}/base") or exit; my $flags = pack("L2", 0, 0);
ioctl($folder, {GET_FLAGS}, $flags) and print unpack("L", $flags);"""


def test_clones_are_spread_over_the_disk(server: Postgres, backend: str) -> None:
    """ext4 then does not search for each new file among those of the clones that were just dropped."""
    with server.administration() as admin:
        (data,) = admin.execute("SHOW data_directory").fetchone() or ("",)
    container = server.where.partition("container ")[2][:12]
    where = ["docker", "exec", container] if backend == "docker" else ["env", f"PGDATA={data}"]

    def flags() -> int:
        told = subprocess.run([*where, "perl", "-e", FLAGS], capture_output=True, text=True, check=True).stdout
        return int(told) if told else pytest.skip("the file system of the data has no flags for folders")

    assert until(lambda: flags() & TOP_OF_HIERARCHY)
