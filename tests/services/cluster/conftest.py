"""One cluster for each backend and module, and a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.services.cluster.binaries import CONTROL_PLANE, found
from labkit.services.cluster.running import Cluster
from tests.backends import BACKENDS, why_not
from tests.services.cluster.pods import Pods, until
from tests.services.conftest import new_home, remove

NUMBERS = itertools.count(1)


def leave(home: Path) -> None:
    """Removes a home when the keepers of its clusters have ended: they still take away what their clusters had."""
    until(lambda: not list(home.glob("cluster/*")))
    remove(home)


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """One home for the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        home = new_home()
        patch.setenv("LABKIT_HOME", str(home))
        yield home
        leave(home)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of one test's own, in which nothing may run in the end."""
    home = new_home()
    monkeypatch.setenv("LABKIT_HOME", str(home))
    yield home
    leave(home)


def cannot(backend: str) -> str:
    """Why this machine has no cluster of this backend; empty when it has."""
    if reason := why_not(backend):
        return reason
    wanted = ("kind",) if backend == "docker" else CONTROL_PLANE
    missing = [name for name in wanted if not found(name)]
    return f"not run on {backend}: {', '.join(missing)} is not here" if missing else ""


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """A backend that is there."""
    if reason := cannot(request.param):
        pytest.skip(reason)
    if request.param == "docker":
        request.getfixturevalue("docker_images")
    return request.param


@pytest.fixture(scope="module")
def cluster(shared_home: object, backend: str) -> Iterator[Cluster]:
    """One cluster for the tests of a module."""
    with Cluster(backend=backend) as cluster:  # type: ignore[arg-type]
        yield cluster


@pytest.fixture
def pods(cluster: Cluster) -> Iterator[Pods]:
    """A namespace of the test's own."""
    with cluster.place(f"test-{next(NUMBERS)}") as namespace:
        yield Pods(cluster.api, namespace)
