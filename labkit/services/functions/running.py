"""A lease on the one function platform of a purpose."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Self

from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.sandbox import Unsafe
from labkit.services.functions.client import Space
from labkit.services.functions.client import spaces as spaces_of
from labkit.services.lease import Lease, on_what_works


def functions(purpose: str = "learner", backend: Backend | None = None) -> Functions:
    """Joins the one platform of that purpose, or starts it. Raises ServiceFault."""
    return on_what_works(backend, lambda chosen: Functions(purpose, chosen))


class Functions:
    """A lease on the platform. It ends, with all instances, when the last lease is closed or its holder is dead."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self.purpose, self.backend = purpose, backend
        self._lease = Lease(f"functions-{purpose}", backend)

    @property
    def where(self) -> str:
        """What it runs, and what an instance is here, for people."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """The runtime's version."""
        return self._lease.info["version"]

    def folder_of(self, socket: Path) -> str:
        """The folder in which an instance finds a Unix socket that leads out of it, under its own name."""
        return Unsafe().folder_of(socket) if self._lease.info["kind"] == "unsafe" else f"/run/{socket.parent.name}"

    def space(self) -> Space:
        """A new place for functions. Raises ServiceFault."""
        return Space(self._lease.info["control"])

    def spaces(self) -> list[str]:
        """All places that there are. Raises ServiceFault."""
        return spaces_of(self._lease.info["control"])

    def is_alive(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(ServiceFault):
            self.spaces()
            return True
        return False

    def restart(self) -> None:
        """A new platform; the spaces of the old one are gone. Raises ServiceFault."""
        self._lease.restart()

    def renew(self) -> None:
        """As `restart`: a platform keeps no data. Raises ServiceFault."""
        self._lease.restart(renew=True)

    def close(self) -> None:
        """Gives the lease back."""
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
