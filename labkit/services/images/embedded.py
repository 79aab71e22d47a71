"""Where there is no Docker: the machine's own Docker in a Linux kernel that runs as a process, or a word on what is missing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from labkit.course import home
from labkit.machine.system_user import User, server_user
from labkit.services.images import base
from labkit.services.images.docker import DockerServer, labels
from labkit.services.images.engine import Engine
from labkit.services.images.machine import Machine, lacking, make_disk

MAKE_DISK = "python -m labkit.services.images.embedded"
PACKAGES = "apt-get install -y docker.io docker-buildx iproute2 e2fsprogs"


def missing() -> str:
    """Why nothing can be built here without Docker; empty where it can."""
    start = "Not verified here: needs Docker."
    if lacks := lacking():
        some = f"{', '.join(lacks[:3])}{' and more are' if len(lacks) > 3 else ' is'} missing"
        return f"{start} Of the embedded one {some}. Start Docker, or set UML_HOME and run: {PACKAGES}"
    if not disk().exists():
        return f"{start} The embedded one has no base images yet. Start Docker, or get them once: {MAKE_DISK}"
    return ""


def disk() -> Path:
    """The disk image with the images that are offered: `LABKIT_IMAGES_DISK`, else one of this home, whose name says which they are."""
    if given := os.environ.get("LABKIT_IMAGES_DISK"):
        return Path(given)
    offered = " ".join(f"{of.image} {of.recipe}" for of in base.OFFERED.values())
    return home.home() / "images" / f"disk-{hashlib.sha256(offered.encode()).hexdigest()[:8]}.ext4"


class EmbeddedServer(DockerServer):
    """A guest; whatever is built in it goes with it."""

    has_bridge = False
    outlives_us = False

    def __init__(self, purpose: str) -> None:
        super().__init__(purpose)
        self.machine: Machine | None = None

    def start(self) -> dict[str, Any]:
        """Boots the guest on a copy-on-write of the disk, or says what is missing. Raises ServiceFault."""
        if why := missing():
            return {"where": "no Docker here, so nothing is built", "version": "", "missing": why}
        self.machine = boot(home.run_folder() / f"images-{self.purpose}", disk(), server_user())
        said = super().start()
        where = f"BuildKit of Docker {said['version']} in a Linux kernel that runs as process {self.machine.pid}"
        return {**said, "where": where, "backend": "embedded"}

    def host(self) -> str:
        """The guest's engine."""
        assert self.machine
        return self.machine.host

    def stop(self) -> None:
        """Ends the guest, with all that is in it."""
        if self.engine:
            self.engine.close()
        self.engine = None
        if self.machine:
            self.machine.stop()
        self.machine = None

    def forget(self) -> None:
        """The disk of the offered images stays: nothing of an answer is ever written to it."""


def boot(folder: Path, kept: Path, user: User, *, keep: bool = False) -> Machine:
    """A guest that runs. Raises ServiceFault."""
    machine = Machine(folder, kept, user, None, keep=keep)
    engine = Engine(machine.host, kept.parent, has_bridge=False)
    machine.start(engine.answers)
    engine.close()
    return machine


def pulled(engine: Engine) -> None:
    """Gets the images that are offered, as the public registry has them. Raises ServiceFault."""
    for of in base.OFFERED.values():
        base.ensure(engine, of, labels("disk"), lambda text: print(text, flush=True))


def make(fill: Callable[[Engine], object] = pulled) -> Path:
    """Makes the disk, if it is not there: a guest that keeps what it writes, and `fill` to get the images into it. Raises ServiceFault."""
    target, user = disk(), server_user()
    target.parent.mkdir(parents=True, exist_ok=True)
    user.can_enter(target.parent)
    with FileLock(f"{target}.lock"):
        if target.exists():
            return target
        new = target.with_suffix(".new")
        make_disk(new, user)
        machine = boot(home.run_folder() / "images-making", new, user, keep=True)
        engine = Engine(machine.host, target.parent, has_bridge=False)
        try:
            fill(engine)
        finally:
            engine.close()
            machine.stop()
        os.replace(new, target)
    return target


if __name__ == "__main__":
    print(f"The base images are in {make()}.")
