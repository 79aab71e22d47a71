"""A lease on the engine of a purpose."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Self

from labkit.course import home
from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.services.images import base, docker
from labkit.services.images.engine import Engine
from labkit.services.images.limits import DEFAULT, Limits
from labkit.services.images.place import Place
from labkit.services.lease import Lease, on_what_works

SMALL_MB = 384  # of a build's programs in a guest, which has 640 MB with its engine


class NotHere(Exception):
    """This machine cannot build images. The message says why, and the one line that changes it."""


def images(purpose: str = "learner", backend: Backend | None = None) -> Images:
    """Joins the engine of that purpose, or makes it ready. Raises ServiceFault."""
    return on_what_works(backend, lambda chosen: Images(purpose, chosen))


class Images:
    """What was built for the purpose goes when the last lease is closed or its holder is dead. A context manager."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self.purpose, self.backend = purpose, backend
        self._lease = Lease(f"images-{purpose}", backend)
        self._engine: Engine | None = None

    @property
    def where(self) -> str:
        """Which engine it is, for people."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """The engine's version."""
        return self._lease.info["version"]

    @property
    def missing(self) -> str:
        """Why no image can be built here, and what to do; empty where they can."""
        why = self._lease.info.get("missing", "")
        return (
            f"{why} Docker runs here, but could not be used: {self._lease.instead}"
            if why and self._lease.instead
            else why
        )

    @property
    def engine(self) -> Engine:
        """The engine. Raises NotHere, and ServiceFault."""
        info = self._lease.info
        if self.missing:
            raise NotHere(self.missing)
        if self._engine is None or self._engine.host != info["host"]:
            self._forget_engine()
            self._engine = Engine(
                info["host"], home.home() / "images" / self.purpose, has_bridge=self.backend == "docker"
            )
        return self._engine

    def place(self, lab_key: str, *, limits: Limits = DEFAULT) -> Place:
        """A new place for a lab or an answer. Raises NotHere, and ServiceFault."""
        return Place(
            self.engine,
            docker.prefix(self.purpose),
            lab_key,
            gauge=self._lease.info["gauge"],
            labels=docker.labels(self.purpose),
            offers=tuple(base.OFFERED),
            limits=limits if self.backend == "docker" else replace(limits, memory_mb=min(limits.memory_mb, SMALL_MB)),
        )

    def is_alive(self) -> bool:
        """Whether the keeper and the engine are there."""
        with contextlib.suppress(ServiceFault):
            return self._lease.is_held() and (bool(self.missing) or self.engine.answers())
        return False

    def restart(self) -> None:
        """Makes the engine ready anew; places of before are gone. Raises ServiceFault."""
        self._forget_engine()
        self._lease.restart()

    def renew(self) -> None:
        """As `restart`, over new data. Raises ServiceFault."""
        self._forget_engine()
        self._lease.restart(renew=True)

    def close(self) -> None:
        """Gives the lease back."""
        self._forget_engine()
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget_engine(self) -> None:
        if self._engine:
            self._engine.close()
        self._engine = None
