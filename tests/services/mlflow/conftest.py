"""One server for each backend, in a home of its own, and the image that Docker needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.services.mlflow.place import Place
from labkit.services.mlflow.running import Mlflow, mlflow
from tests.services.conftest import new_home, remove

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # a refusal is seen at once
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(scope="module")
def server(shared_home: Path, backend: str) -> Iterator[Mlflow]:
    """One server for the tests of a module."""
    with mlflow(backend=backend) as server:  # type: ignore[arg-type]
        yield server


@pytest.fixture
def place(server: Mlflow) -> Iterator[Place]:
    """A new place."""
    with server.place("93-mlops/which-model-is-live") as place:
        yield place


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home for one test, which may break what is in it."""
    home = new_home()
    monkeypatch.setenv("LABKIT_HOME", str(home))
    yield home
    remove(home)
