"""One place of the server: experiments, runs, registered models and artifacts of one lab, or of one answer."""

from __future__ import annotations

import contextlib
import re
import secrets
from typing import TYPE_CHECKING, Self

from labkit.machine.fault import ServiceFault
from labkit.services.mlflow.orders import order
from labkit.services.service import EmptyAtFirst

if TYPE_CHECKING:
    from labkit.services.mlflow.running import Mlflow

LEARNER_BYTES, GRADED_BYTES = 512 * 2**20, 128 * 2**20


class Place(EmptyAtFirst):
    """Empty when it is made. A context manager: leaving it drops the place with all that is in it."""

    def __init__(self, server: Mlflow, lab: str, limit: int = LEARNER_BYTES) -> None:
        self.server, self.limit = server, limit
        self.name = f"{re.sub('[^a-z0-9]+', '_', lab.lower())[:32]}_{secrets.token_hex(4)}"
        self._key = secrets.token_hex(16)
        order(server.reach, "make", place=self.name, key=self._key, limit=limit)

    @property
    def path(self) -> str:
        """The address of this place on its server; who knows it may do everything in this place, and nothing elsewhere."""
        return f"/at/{self._key}"

    @property
    def uri(self) -> str:
        """The tracking URI, for `mlflow.set_tracking_uri`; in a browser, with a slash after it, the user interface."""
        return f"http://{self.host}:{self.port}{self.path}"

    @property
    def host(self) -> str:
        """The server's address."""
        return self.server.reach["host"]

    @property
    def port(self) -> int:
        """The server's port."""
        return self.server.reach["port"]

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"place {self.name}, {self.server.where}"

    @property
    def connect_with(self) -> str:
        """What lets MLflow's own commands, and other programs, work in this place."""
        return f"export MLFLOW_TRACKING_URI={self.uri}"

    def is_there(self) -> bool:
        """Whether its server still has it: one that was restarted meanwhile has dropped it."""
        with contextlib.suppress(ServiceFault):
            return self.name in order(self.server.reach, "names")
        return False

    def reset(self, *, undoable: bool = False) -> None:
        """Empty again, with the same address; also where it is gone. Raises ServiceFault."""
        mine = {"place": self.name, "key": self._key, "limit": self.limit}
        order(self.server.reach, "reset", **mine, undoable=undoable)

    def undo_reset(self) -> bool:
        """Back to what it was before the last undoable reset. Returns whether there was one. Raises ServiceFault."""
        return order(self.server.reach, "undo_reset", place=self.name)

    def drop(self) -> None:
        """Removes it. A server that is gone has dropped it already."""
        with contextlib.suppress(ServiceFault):
            order(self.server.reach, "drop", place=self.name)

    def fingerprint(self) -> dict[str, str]:
        """What it holds, digested: "runs ID", "registered_models NAME", "artifact PATH" and so on. Raises ServiceFault."""
        return order(self.server.reach, "fingerprint", place=self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
