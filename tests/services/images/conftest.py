"""One engine, made ready, for the tests of a module; a place of its own for each test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from labkit.services.images import base
from labkit.services.images.docker import DockerServer, labels, prefix
from labkit.services.images.limits import DEFAULT
from labkit.services.images.place import Place
from tests.backends import why_not

PURPOSE = "learner"


@pytest.fixture(scope="module")
def server() -> Iterator[DockerServer]:
    """The engine; what a test leaves on it is removed at its end."""
    if reason := why_not("docker"):
        pytest.skip(reason)
    server = DockerServer(PURPOSE)
    try:
        server.said = server.start()  # type: ignore[attr-defined]
        yield server
    finally:
        server.stop()


@pytest.fixture
def new_place(server: DockerServer) -> Iterator[Callable[..., Place]]:
    """Makes places, with the limits that it is given."""
    made: list[Place] = []

    def make(limits=DEFAULT, offers=(base.PYTHON,)) -> Place:
        made.append(place_on(server, limits, offers))
        return made[-1]

    yield make
    for place in made:
        place.drop()


@pytest.fixture(scope="module")
def shared_place(server: DockerServer) -> Iterator[Place]:
    """A place for tests that do not look at the cache."""
    with place_on(server) as place:
        yield place


def place_on(server: DockerServer, limits=DEFAULT, offers=(base.PYTHON,)) -> Place:
    """A place on the engine of the tests."""
    gauge = server.said["gauge"]  # type: ignore[attr-defined]
    assert server.engine
    ours = {"gauge": gauge, "labels": labels(server.purpose), "offers": offers, "limits": limits}
    return Place(server.engine, prefix(server.purpose), "92-containers/a-lab", **ours)


@pytest.fixture
def place(new_place: Callable[..., Place]) -> Place:
    """A place."""
    return new_place()


def docker(*words: str) -> str:
    """What `docker WORDS` prints."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def recipe(*lines: str, **files: str) -> dict[str, str]:
    """A build context with a Dockerfile of these lines."""
    return {"Dockerfile": "\n".join([f"FROM {base.PYTHON}", *lines, ""]), **files}
