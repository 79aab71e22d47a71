"""The platform lives in its keeper: it is joined, restarted, and gone with its last user or with the keeper, however that ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from labkit.course.home import run_folder
from labkit.machine.fault import ServiceFault
from labkit.services import named
from labkit.services.functions.running import Functions, functions
from labkit.services.functions.settings import Settings
from tests.backends import BACKENDS, why_not

ECHO = {"handler.py": "def handler(event, context):\n    return event\n"}
PATIENT = Settings(timeout=60)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn; skipped, with the reason, where it cannot be had."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    return request.param


def awaited(condition: Callable[[], object]) -> bool:
    """Whether it comes true within a minute."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(condition())


def keeper(running: Functions) -> psutil.Process:
    """The keeper's process."""
    return psutil.Process(int((run_folder() / f"functions-learner-{running.backend}.lock").read_text()))


def test_it_is_joined_and_ends_with_its_last_user(backend: str):
    with functions("learner", backend) as one, functions("learner", backend) as other:
        assert one.version == other.version
        assert "awslambdaric" in one.where
        with one.space() as space:
            assert space.deploy("f", ECHO, PATIENT).invoke(7).json() == 7
            assert other.spaces() == [space.name]
            kept = keeper(one)
        assert one.spaces() == []
    assert awaited(lambda: not kept.is_running())
    assert awaited(lambda: not list(run_folder().glob("functions-*")))


def test_a_restart_ends_every_space(backend: str):
    with functions("learner", backend) as running:
        space = running.space()
        space.deploy("f", ECHO, PATIENT).invoke(1)
        running.restart()
        assert not space.is_there()
        space.drop()
        with running.space() as fresh:
            assert fresh.deploy("f", ECHO, PATIENT).invoke(2).json() == 2


def test_nothing_outlives_a_keeper_that_was_killed(backend: str):
    service = named("functions")
    with functions("learner", backend) as running:
        function = running.space().deploy("f", ECHO, PATIENT)
        function.invoke(1)
        function.settled()  # frozen: it could not end itself
        kept = keeper(running)
        family = kept.children(recursive=True)
        os.kill(kept.pid, signal.SIGKILL)
        assert awaited(lambda: not running.is_alive())
        with pytest.raises(ServiceFault, match="function platform"):
            function.invoke(2)
        assert awaited(lambda: not any(p.is_running() and p.status() != "zombie" for p in family))
        if backend == "docker":
            assert awaited(lambda: containers() == [])
        running.restart()
        assert list(service.left_behind(running)) == []


def containers() -> list[str]:
    """The containers of this home's platform."""
    import docker

    client = docker.from_env()
    try:
        return [
            str(c.name) for c in client.containers.list(all=True, filters={"label": "labkit.service=functions-learner"})
        ]
    finally:
        client.close()


def test_doctor_says_what_an_instance_is(backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LABKIT_BACKEND", backend)
    (finding,) = named("functions").doctor()
    assert finding.state in ("ok", "note")
    assert "each instance a" in finding.here
