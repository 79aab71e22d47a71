"""A program that goes on beside us can be frozen with all its processes, thawed, and ended; nothing of it is left."""

from __future__ import annotations

import socket
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.course.home import run_folder
from labkit.sandbox import Bubblewrap, Container, Limits, Sandbox, Started, Unsafe, choose
from labkit.sandbox.limits import Warm
from tests.patience import PATIENCE

COUNTS = """
    import os, socket, sys, time
    out = socket.socket(socket.AF_UNIX)
    out.connect(sys.argv[1])
    if len(sys.argv) > 2:
        os.fork()
    while True:
        out.send(b".")
        time.sleep(0.002)
"""


class Forking(Bubblewrap):
    """One whose programs are forked from a process that has imported something."""

    def start(self, *args, **more) -> Started:
        """See `Bubblewrap.start`."""
        return super().start(*args, **more, warm=Warm(("socket",)))


@pytest.fixture(
    params=["bubblewrap", "forking", pytest.param("container", marks=pytest.mark.docker), "unsafe"], scope="module"
)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each kind of sandbox, and none."""
    found = Unsafe() if request.param == "unsafe" else choose(request.param.replace("forking", "bubblewrap"))
    if found is None:
        pytest.skip(f"no {request.param} on this machine")
    if request.param == "forking":
        found = Forking()
    yield found
    if isinstance(found, Forking):
        found.close()


@pytest.fixture
def ear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[socket.socket, Path]]:
    """A Unix socket that hears what a program says."""
    folder = run_folder() / "ear"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    path = folder / "s"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen()
        listener.settimeout(60)
        yield listener, path
    path.unlink()
    folder.rmdir()


def start(sandbox: Sandbox, path: Path, *words: str) -> Started:
    """Starts the program that says a dot every 2 ms."""
    place = f"{sandbox.folder_of(path)}/{path.name}"
    limits = Limits(seconds=600, cpu_seconds=60)
    return sandbox.start(["python", "-c", textwrap.dedent(COUNTS), place, *words], sockets=[path], limits=limits)


def hears(said: socket.socket, seconds: float) -> int:
    """How many dots come within a time."""
    said.settimeout(0.05)
    heard, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            heard += len(said.recv(65536))
        except TimeoutError:
            continue
    return heard


@pytest.mark.parametrize("words", [(), ("two",)])
def test_frozen_and_thawed(sandbox: Sandbox, ear, words):
    listener, path = ear
    with start(sandbox, path, *words) as program:
        said, _ = listener.accept()
        with said:
            assert hears(said, 0.3) > 0
            program.freeze()
            hears(said, 0.2)  # what was on its way
            assert hears(said, 0.5) == 0
            program.thaw()
            assert hears(said, 1.0) > 0


def test_a_frozen_one_is_ended(sandbox: Sandbox, ear):
    listener, path = ear
    with start(sandbox, path, "two") as program:
        said, _ = listener.accept()
        program.freeze()
    with said:
        said.settimeout(60)
        while said.recv(65536):
            pass  # the end of file: no process has the socket any more


def test_its_end_is_known(sandbox: Sandbox):
    with sandbox.start(["python", "-c", "import sys; sys.exit(3)"]) as program:
        assert program.wait() == 3
    with sandbox.start(["python", "-c", "import os; os.kill(os.getpid(), 9)"]) as program:
        assert program.wait() == 137


def test_its_folder_cannot_be_written_to(sandbox: Sandbox):
    if sandbox.kind == "unsafe":
        pytest.skip("it has no sandbox")
    for place, code in (("/work/x", 1), ("/tmp/x", 0)):
        with sandbox.start(["python", "-c", f"open({place!r}, 'w')"], files={"a.py": ""}) as program:
            assert program.wait() == code


def test_a_container_that_was_killed_leaves_nothing(sandbox: Sandbox):
    if not isinstance(sandbox, Container):
        pytest.skip("it is about containers")
    import docker

    with sandbox.start(["python", "-c", "import time; time.sleep(600)"]) as program:
        program.kill()
        assert program.wait() == 137
    client = docker.from_env()
    assert client.containers.list(all=True, filters={"name": program.name}) == []  # type: ignore[attr-defined]
    client.close()


def test_killed_at_birth_it_ends(sandbox: Sandbox):
    """Also between two steps of the sandbox's own, when it is half made."""
    for _ in range(20):
        with sandbox.start(["python", "-c", "import time; time.sleep(600)"], limits=Limits(seconds=600)) as started:
            threading.Thread(target=started.kill).start()
            assert started.wait() != 0


def test_process_1_is_ended_itself(monkeypatch: pytest.MonkeyPatch):
    """Bubblewrap's own death tells it nothing before it is set up: then it would wait for ever, with our end of its output."""
    bubblewrap = choose("bubblewrap")
    if bubblewrap is None:
        pytest.skip("no bubblewrap on this machine")
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: None)
    with bubblewrap.start(["python", "-c", "import time; time.sleep(600)"], limits=Limits(seconds=600)) as started:
        started.kill()
        assert started._process.wait(PATIENCE) != 0  # not `TimeoutExpired`
