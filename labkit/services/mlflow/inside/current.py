"""Which place a request works in: all connections and artifacts of MLflow's server follow it, and without one there are none.

MLflow has one store for the whole process. It stays as it is; only where its connections lead is decided here, for each one that it opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from mlflow.exceptions import MlflowException
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from sqlalchemy import Engine, event

SCHEME = "place"
INDIRECT = ("runs", "models")  # they lead to an artifact of the same place, through the server's own store


class WorkPlace(Protocol):
    """What a place must tell of itself: where its artifacts are, and a connection to its database."""

    artifacts: Path

    def connect(self, positional: list[Any], named: dict[str, Any]) -> Any:
        """A connection; the arguments are those of the driver's `connect`."""
        ...


_current: ContextVar[WorkPlace] = ContextVar("place")


@contextmanager
def works_in(place: WorkPlace) -> Iterator[None]:
    """What this task, and the threads that it asks, do meanwhile is done in this place."""
    token = _current.set(place)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> WorkPlace:
    """The place of this request. Raises MlflowException outside of any."""
    try:
        return _current.get()
    except LookupError:
        raise MlflowException("This is done for no request, so it has no place to work in.") from None


class PlaceArtifacts(LocalArtifactRepository):
    """The artifacts of whichever place asks: MLflow makes one such object for all."""

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        super().__init__("/nonexistent", tracking_uri, registry_uri)
        self._below = artifact_uri.partition(":")[2].strip("/")

    @property
    def artifact_dir(self) -> str:
        """The folder of the place that asks."""
        return str(current().artifacts / self._below)


def follow() -> None:
    """From now on connections and artifacts follow the request. No other artifact can be reached: neither a file of this machine nor an address."""
    registry = artifact_repository_registry._artifact_repository_registry
    registry._registry = {name: registry._registry[name] for name in INDIRECT} | {SCHEME: PlaceArtifacts}

    @event.listens_for(Engine, "do_connect")
    def _lead(dialect: Any, record: Any, positional: list[Any], named: dict[str, Any]) -> Any:
        return current().connect(positional, named)
