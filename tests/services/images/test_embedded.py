"""The embedded Docker: a kernel that runs as a process, on a disk of base images; or a word on what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from labkit.course import find
from labkit.services.images import base, embedded
from labkit.services.images.engine import Engine
from labkit.services.images.failure import BuildFailed
from labkit.services.images.machine import lacking
from labkit.services.images.place import NoPlace
from labkit.services.images.running import Images, NotHere, images
from labkit.services.images.service import SERVICE
from tests.backends import why_not
from tests.services.conftest import new_home, until


@pytest.fixture(scope="module")
def with_disk() -> Iterator[None]:
    """A home with a disk, filled from the engine of this machine, as a registry may be out of reach."""
    if reason := why_not("docker"):
        pytest.skip(f"the disk of the embedded Docker is filled from Docker's images: {reason}")
    if lacks := lacking():
        pytest.skip(f"the embedded Docker lacks {', '.join(lacks)}")
    with pytest.MonkeyPatch.context() as patch:
        home = new_home()
        patch.setenv("LABKIT_HOME", str(home))
        embedded.make(from_this_machine)
        yield
    assert until(lambda: not guests(str(home)), 20), "a guest was left"
    subprocess.run(["rm", "-r", str(home)], check=True)


def from_this_machine(engine: Engine) -> None:
    """Carries the slim image over."""
    with subprocess.Popen(["docker", "save", base.SLIM.image], stdout=subprocess.PIPE) as saved:
        done = engine.docker("load", stdin=saved.stdout, timeout=1800)
    assert done.returncode == 0, done.stderr


def guests(mark: str) -> list[psutil.Process]:
    """The kernels and networks that run over files of this home, or of its run folder."""
    from labkit.course.home import run_folder

    marks = (mark, str(run_folder()))
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if ("umid=guest" in words or "-listen-bess" in words) and any(mark in words for mark in marks):
            found.append(process)
    return found


@pytest.fixture(scope="module")
def running(with_disk: None) -> Iterator[Images]:
    """The embedded engine."""
    with images("learner", "embedded") as running:
        yield running


@pytest.mark.slow
def test_builds_and_runs_as_docker_does(running: Images):
    """Steps, cache, waste, a failure's line, limits and no network: the same code over another engine."""
    recipe = "FROM python:3.13-slim\nRUN head -c 3000000 /dev/zero > /large && ls /sys/class/net > /nets\nRUN rm /large\nCMD cat /nets\n"
    with running.place("92-containers/two-stages") as place:
        image = place.build({"Dockerfile": recipe})
        assert [step.ran for step in image.steps] == [True, True]
        assert not [step for step in place.build({"Dockerfile": recipe}).steps if step.ran]
        assert place.contents(image).waste >= 3_000_000
        assert place.run(image).stdout.split() == ["lo"]
        with pytest.raises(BuildFailed, match="gets no network"):
            place.build({"Dockerfile": f"{recipe}ADD http://127.0.0.1:9/x /\n"})
        with pytest.raises(BuildFailed, match="exit code 137"):
            place.build({"Dockerfile": "FROM python:3.13-slim\nRUN python3 -c 'x = bytearray(600_000_000)'\n"})
    assert list(SERVICE.left_behind(running)) == []


@pytest.mark.slow
def test_nothing_of_it_outlives_its_keeper(with_disk: None):
    """Killed at once, it takes the guest, its processes and its network with it."""
    from labkit.course.home import home
    from labkit.services.lease import socket_path

    running = images("other", "embedded")
    assert len(guests(str(home()))) >= 2
    os.kill(int(socket_path("images-other", "embedded").with_suffix(".lock").read_text()), signal.SIGKILL)
    mark = "images-other"
    gone = until(lambda: not [p for p in guests(str(home())) if mark in " ".join(p.cmdline())], 20)
    running.close()
    assert gone


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """In the lab, to its checks, and by `labkit doctor`; nothing of it is a fault or a pass."""
    monkeypatch.setenv("UML_HOME", str(tmp_path))
    why = SERVICE.not_here("embedded")
    assert "needs Docker" in why
    assert "UML_HOME/linux" in why
    with images("nothing", "embedded") as running:
        assert running.missing == why
        with pytest.raises(NotHere):
            running.place("92-containers/two-stages")
        place = SERVICE.open(running, find("92-containers/two-stages"))
        assert isinstance(place, NoPlace)
        assert running.is_alive()
