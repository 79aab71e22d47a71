"""A lease on the one MLflow server of a purpose.

with mlflow() as server, server.place("which-model-is-live") as place:
    client = MlflowClient(place.uri)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from labkit.machine.backend import Backend
from labkit.services.lease import Lease, on_what_works
from labkit.services.mlflow.orders import answers, order
from labkit.services.mlflow.place import GRADED_BYTES, LEARNER_BYTES, Place


def mlflow(
    purpose: str = "learner", backend: Backend | None = None, progress: Callable[[str], None] | None = None
) -> Mlflow:
    """Joins the one server of that purpose, or starts it. Raises ServiceFault.

    The image that Docker needs is built first, where it is missing: that takes longer than a keeper may take to start.
    """

    def start(chosen: Backend) -> Mlflow:
        if chosen == "docker":
            from labkit.services.mlflow import image

            image.ensure(progress)
        return Mlflow(purpose, chosen)

    return on_what_works(backend, start)


class Mlflow:
    """The server stops when the last lease is closed or its holder is dead."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self.purpose, self.backend = purpose, backend
        self._lease = Lease(f"mlflow-{purpose}", backend)

    @property
    def where(self) -> str:
        """Where it runs, for people."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """E.g. "3.17.2"."""
        return self._lease.info["version"]

    @property
    def reach(self) -> dict[str, Any]:
        """How orders reach it: host, port, key. Raises ServiceFault."""
        return {name: self._lease.info[name] for name in ("host", "port", "key")}

    def place(
        self, lab_key: str, *, graded: bool = False, hidden: bool = False, progress: Callable[[str], None] | None = None
    ) -> Place:
        """A new and empty place. Raises ServiceFault."""
        return Place(self, lab_key, GRADED_BYTES if graded or hidden else LEARNER_BYTES)

    def is_alive(self) -> bool:
        """Whether the server takes orders."""
        return answers(self._lease.info)

    def left_behind(self) -> list[str]:
        """The places that are still there; asked when all should be gone."""
        return [f"place {name}" for name in order(self.reach, "names")]

    def restart(self) -> None:
        """A new server process; places of the old one are gone until their `reset`. Raises ServiceFault."""
        self._lease.restart()

    def renew(self) -> None:
        """As `restart`: places never outlive their server. Raises ServiceFault."""
        self._lease.restart(renew=True)

    def close(self) -> None:
        """Gives the lease back."""
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
