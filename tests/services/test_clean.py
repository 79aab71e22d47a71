"""`labkit clean` finds, names and removes what is left of services whose keeper is gone, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.course.home import run_folder
from labkit.machine.backend import LABEL, Backend
from labkit.services.postgres import Postgres, postgres
from labkit.services.postgres.settings import IMAGE
from tests.patience import until
from tests.services.conftest import ROWS, containers, keeper, servers

NOTHING = ("Nothing is left.\n", "")


def clean(*options: str, fails: bool = False) -> str:
    command = [str(Path(sys.executable).with_name("labkit")), "clean", *options]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    lines = (done.stdout + done.stderr).splitlines(keepends=True)
    ours = [line for line in lines if "which is gone" not in line]  # a volume of another session's home
    return "".join(ours)


def with_killed_keeper(backend: Backend) -> Path:
    """The run folder after a keeper was killed and its server went with it."""
    with postgres(backend=backend) as server:
        os.kill(keeper(server), signal.SIGKILL)
        assert until(lambda: not server.is_alive())
    return run_folder()


def test_nothing_is_left_where_nothing_ran(home: Path) -> None:
    clean()  # the run folders of homes that other tests have removed
    assert clean() in NOTHING


def test_a_server_in_use_is_named_and_left_alone(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server, server.database(ROWS) as database:
        assert f"in use: postgres-learner-{backend} (keeper {keeper(server)})" in clean()
        assert "in use" in clean("--cache", "--yes", fails=True)
        assert database.connect().execute("SELECT count(*) FROM item").fetchone() == (1000,)


def test_all_ends_what_is_in_use(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server:
        assert f"would remove: postgres-learner-{backend}, which is in use" in clean("--all", "--dry-run")
        assert server.is_alive()
        assert f"removed: postgres-learner-{backend}, which is in use" in clean("--all")
        assert not server.is_alive()
        assert servers(home, backend) == []


def test_the_lock_and_socket_of_a_killed_keeper_are_removed(home: Path, backend: Backend) -> None:
    folder = with_killed_keeper(backend)
    name = folder / f"postgres-learner-{backend}"
    assert f"would remove: socket and lock {name}" in clean("--dry-run")
    assert name.with_suffix(".keeper").exists()
    assert f"removed: socket and lock {name}" in clean()
    assert not folder.exists()
    assert clean() in NOTHING


def test_a_server_without_a_keeper_is_ended(home: Path) -> None:
    with postgres(backend="embedded") as server:
        pid = server._lease.info["pid"]
        os.kill(pid, signal.SIGSTOP)  # so that it outlives its keeper
        os.kill(keeper(server), signal.SIGKILL)
        assert f"server process {pid} over {home}/postgres/learner-18" in clean("--dry-run")
        clean()
        assert until(lambda: str(pid) not in servers(home, "embedded"))


@pytest.mark.docker
@pytest.mark.usefixtures("docker_images")
def test_a_container_without_a_keeper_is_removed(home: Path) -> None:
    labels = ["--label", f"{LABEL}={home}", "--label", "labkit.service=postgres-learner"]
    run = ["docker", "run", "-d", *labels, "-e", "POSTGRES_PASSWORD=x", IMAGE]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    [container] = containers(home)
    assert f"removed: container {container[:12]} (postgres-learner)" in clean()
    assert containers(home) == []


@pytest.mark.docker
def test_the_sandboxs_image_is_part_of_the_cache(home: Path) -> None:
    build = ["docker", "build", "--quiet", "--tag", "labkit-sandbox:of-a-test", "--label", f"{LABEL}={home}", "-"]
    subprocess.run(build, input=b"FROM scratch\nLABEL of=a-test\n", check=True, stdout=subprocess.DEVNULL)
    assert clean() in NOTHING
    assert "removed: Docker image labkit-sandbox:of-a-test" in clean("--cache", "--yes")
    assert clean("--cache", "--yes") in NOTHING


def test_the_cache_goes_only_when_it_is_asked_for(home: Path, backend: Backend) -> None:
    with postgres(backend=backend) as server:
        _build(server)
    assert until(lambda: not servers(home, backend))
    assert clean() in NOTHING
    assert "Aborted" in clean("--cache", fails=True)  # nobody is there to say yes
    removed = clean("--cache", "--yes")
    assert f"removed: data in {home}/postgres" in removed
    assert ("removed: Docker volume labkit-learner-18-" in removed) == (backend == "docker")
    assert list(home.iterdir()) == []


def _build(server: Postgres) -> None:
    server.database(ROWS).drop()
