"""A Docker engine that has BuildKit: its address, its command line and its SDK.

Builds go through `docker buildx`: the engine's API and the SDK on it use the classic builder, where `RUN <<EOF` silently
does nothing and other files are sent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.machine.fault import ServiceFault

if TYPE_CHECKING:
    import docker

OLDEST_BUILDX = (0, 13)  # the first that tells its progress in JSON
GET_BUILDX = "Install it: apt-get install docker-buildx (Debian), docker-buildx-plugin (Docker's own packages), or Docker Desktop."


class Engine:
    """The engine at `host`, as `DOCKER_HOST` writes it. `folder` is where buildx keeps its state, not the user's own."""

    def __init__(self, host: str, folder: Path, *, has_bridge: bool = True) -> None:
        self.host, self.folder = host, folder
        self.has_bridge = (
            has_bridge  # whether containers have a way out of their own; without address translation, only the host's
        )
        self.listed_layers: dict[str, list[Any]] = {}  # the files of layers that many images have
        self.looked_into: dict[
            str, Any
        ] = {}  # what is in an image, by its id, for those that are looked into again and again

    @cached_property
    def client(self) -> docker.DockerClient:
        """The SDK's client: for everything but builds."""
        import docker  # it takes 200 ms

        return docker.DockerClient(base_url=self.host, version="auto", timeout=120)

    @property
    def environment(self) -> dict[str, str]:
        """For the `docker` command: this engine, whatever context or builder the user has chosen."""
        ours = {"DOCKER_HOST": self.host, "BUILDX_CONFIG": str(self.folder / "buildx"), "BUILDX_BUILDER": "default"}
        not_ours = ("DOCKER_CONTEXT", "BUILDKIT_", "BUILDX_", "EXPERIMENTAL_BUILDKIT_", "SOURCE_DATE_EPOCH")
        return {**{k: v for k, v in os.environ.items() if not k.startswith(not_ours)}, **ours}

    def docker(self, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs `docker WORDS` and returns how it ended."""
        defaults = {"capture_output": True, "check": False, "stdin": subprocess.DEVNULL, "timeout": 300}
        return subprocess.run([docker_command(), *words], **{"env": self.environment, **defaults, **options})

    def build(self, recipe: str, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Builds a Dockerfile of ours, which has no files beside it.

        From a folder of its own: of one on standard input buildx 0.13 leaves a copy in the temporary folder, and an empty context.
        """
        with tempfile.TemporaryDirectory(prefix="labkit-build-") as folder:
            Path(folder, "Dockerfile").write_text(recipe, encoding="utf-8")
            return self.docker("buildx", "build", *words, folder, **options)

    def answers(self) -> bool:
        """Whether the engine is there."""
        try:
            return bool(self.client.ping())
        except Exception:  # the SDK lets errors of several libraries through
            return False

    def check_buildx(self) -> str:
        """The version of buildx. Raises ServiceFault where it is missing or too old."""
        said = self.docker("buildx", "version").stdout.decode(errors="replace")
        found = re.search(r"(?<![\d.])v?(\d+)\.(\d+)(\.\d+)?", said)
        if not found:
            raise ServiceFault(f"Docker has no buildx here, which the builds need. {GET_BUILDX}")
        version = found[0].lstrip("v")
        if (int(found[1]), int(found[2])) < OLDEST_BUILDX:
            raise ServiceFault(f"Docker's buildx is {version}, and the builds need 0.13 or later. {GET_BUILDX}")
        return version

    def close(self) -> None:
        """Closes the SDK's connections."""
        if "client" in self.__dict__:
            self.client.close()


def docker_command() -> str:
    """The `docker` command. Raises ServiceFault where it is missing."""
    if found := shutil.which("docker"):
        return found
    raise ServiceFault("The command `docker` is missing, which the builds need. Install Docker's command line.")
