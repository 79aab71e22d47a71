"""Each test runs on every backend that is there, in a home of its own that is removed with all that it kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labkit.machine.backend import LABEL
from labkit.services.postgres import Postgres, Template, postgres
from tests.backends import BACKENDS, why_not
from tests.patience import until

STANDINS = Path(__file__).parents[1] / "standins" / "build"
ROWS = Template(
    "rows",
    (
        "CREATE TABLE item (id int PRIMARY KEY, word text NOT NULL);"
        "INSERT INTO item SELECT g, md5(g || current_setting('labkit.seed')) FROM generate_series(1, 1000) g;",
        "CREATE SEQUENCE ticket; CREATE VIEW some_items AS SELECT * FROM item WHERE id < 10;",
    ),
    seed=7,
)


def containers(home: Path) -> list[str]:
    """The ids of all containers of this home, running or not."""
    listed = ["docker", "ps", "-aq", "--no-trunc", "--filter", f"label={LABEL}={home}"]
    return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()


def servers(home: Path, backend: str) -> list[str]:
    """What runs for this home: the servers' process ids, or their containers."""
    if backend == "docker":
        return containers(home)
    folder = f"{home}/postgres/"
    return [str(p.pid) for p in psutil.process_iter(["cmdline"]) if any(folder in a for a in p.info["cmdline"] or [])]


def keeper(server: Postgres) -> int:
    """The process id of a server's keeper."""
    from labkit.services.lease import socket_path

    path = socket_path(f"postgres-{server.purpose}", server.backend)
    return int(path.with_suffix(".lock").read_text())


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process of the course, whose standard output can be read; its standard input stays open until we close it."""
    program = "from labkit.services.postgres import *; import sys\n" + code
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=pipe, stdout=pipe, text=True)


@pytest.fixture(scope="session")
def docker_images() -> Iterator[None]:
    """The images that the Docker backend needs, or stand-ins for the time of the tests."""
    built = subprocess.run([STANDINS], capture_output=True, text=True, env={**os.environ, "PYTHON": sys.executable})
    assert built.returncode == 0, built.stderr
    yield
    if built.stdout:
        subprocess.run([STANDINS, "--remove"], check=True, env={**os.environ, "PYTHON": sys.executable})


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """A backend that is there."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    if request.param == "docker":
        request.getfixturevalue("docker_images")
    return request.param


def new_home() -> Path:
    """A home where the server's own user can enter (pytest's folders are closed to it)."""
    home = Path(tempfile.mkdtemp(prefix="lk-"))
    home.chmod(0o755)
    return home


def remove(home: Path) -> None:
    """Removes a home and its volumes. Raises AssertionError when something still runs for it."""
    assert until(lambda: not servers(home, "embedded")), "a server was left"
    if not why_not("docker"):
        assert until(lambda: not containers(home)), "a container was left"
        listed = ["docker", "volume", "ls", "-q", "--filter", f"label={LABEL}={home}"]
        for volume in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
            subprocess.run(["docker", "volume", "rm", volume], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """One home for the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        home = new_home()
        patch.setenv("LABKIT_HOME", str(home))
        yield home
        remove(home)


@pytest.fixture(scope="module")
def server(shared_home: Path, backend: str) -> Iterator[Postgres]:
    """One server for the tests of a module."""
    with postgres(backend=backend) as server:
        yield server


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home for one test, which may break what is in it."""
    home = new_home()
    monkeypatch.setenv("LABKIT_HOME", str(home))
    yield home
    remove(home)
