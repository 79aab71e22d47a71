"""The fixtures of checks that need MLflow. `bench` and `lab` are the checker's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from labkit.course import Lab
from labkit.services.mlflow.bench import MlflowBench
from labkit.services.mlflow.place import Place

if TYPE_CHECKING:
    from mlflow import MlflowClient

# The checks' own client: no news to MLflow's makers, no proxy on the way to a server of this machine, and a refusal is no reason to try again.
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "NO_PROXY": "*"}


@pytest.fixture(scope="module")
def mlflow_bench(bench: Any) -> MlflowBench:
    """Hands out places."""
    return bench.service("mlflow")


@pytest.fixture(scope="module")
def place(mlflow_bench: MlflowBench, lab: Lab) -> Iterator[Place]:
    """An empty place, shared by the checks of one module."""
    with mlflow_bench.place(lab) as place:
        yield place


@pytest.fixture
def fresh_place(mlflow_bench: MlflowBench, lab: Lab) -> Iterator[Callable[[], Place]]:
    """Makes more places, for a check that must not see what others did."""
    made: list[Place] = []

    def new() -> Place:
        made.append(mlflow_bench.place(lab))
        return made[-1]

    yield new
    for used in made:
        used.drop()


@pytest.fixture(scope="module")
def client(place: Place) -> MlflowClient:
    """The check's own client in that place."""
    from mlflow import MlflowClient

    return MlflowClient(place.uri)
