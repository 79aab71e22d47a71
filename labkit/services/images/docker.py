"""What the keeper of the images service owns: the engine, made ready, and everything that is built on it for one purpose."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from typing import Any

from labkit.course import home
from labkit.machine.backend import LABEL, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.images import base, place, policy
from labkit.services.images.engine import Engine

STAY = ["sleep", "infinity"]


def prefix(purpose: str) -> str:
    """How the names of this home's places begin, for one purpose."""
    return f"{hashlib.sha256(str(home.home()).encode()).hexdigest()[:8]}-{purpose.replace('-', '')}"


def labels(purpose: str) -> dict[str, str]:
    """On all that is ours, for `labkit clean`."""
    return {LABEL: str(home.home()), "labkit.service": f"images-{purpose}"}


class DockerServer:
    """The machine's own engine."""

    has_bridge = True
    outlives_us = True  # so that one that was killed may have left something

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.engine: Engine | None = None
        self._gauge: Any = None

    def start(self) -> dict[str, Any]:
        """Makes the engine ready, and removes what one that was killed has left. Raises ServiceFault."""
        folder = home.home() / "images" / self.purpose
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = engine = Engine(self.host(), folder, has_bridge=self.has_bridge)
        if not engine.answers():
            raise ServiceFault(
                f"Docker does not answer at {engine.host}, and these labs need it. Start Docker, and run this again."
            )
        buildx = engine.check_buildx()
        if self.outlives_us:
            self._sweep()  # what one that was killed has left
        policy.check(engine, folder)
        base.ensure(engine, base.SLIM, labels(self.purpose), lambda text: print(text, flush=True))
        self._gauge = engine.client.containers.run(
            base.SLIM.image, STAY, entrypoint=[], name=f"labkit-{prefix(self.purpose)}-gauge", labels=labels(self.purpose), detach=True,
            network_mode="none", read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"], user="65534:65534",
            mem_limit="64m", pids_limit=32,
        )  # fmt: skip
        version = engine.client.version()["Version"]
        where = f"BuildKit of Docker {version} at {engine.host}, buildx {buildx}"
        return {"host": engine.host, "version": version, "where": where, "gauge": self._gauge.name, "backend": "docker"}

    def host(self) -> str:
        """The engine's address."""
        return docker_host()

    def stop(self) -> None:
        """Removes all that was built and still runs for this purpose."""
        if self.engine is None:
            return
        if self.engine.answers():
            self._sweep()
        self.engine.close()
        self.engine = self._gauge = None

    def forget(self) -> None:
        """Nothing else is kept."""

    def _sweep(self) -> None:
        assert self.engine
        place.remove_server(self.engine, prefix(self.purpose))
        ours: dict[str, Any] = {"label": [f"{name}={value}" for name, value in labels(self.purpose).items()]}
        for container in self.engine.client.containers.list(all=True, filters=ours, ignore_removed=True):
            with contextlib.suppress(Exception):  # it was going already
                container.remove(force=True, v=True)
        shutil.rmtree(self.engine.folder / "places", ignore_errors=True)
