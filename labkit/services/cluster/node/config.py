"""What the agent is told when it starts: where the API server is, who it is itself, and which images it knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Image:
    """A program that stands for an image.

    `files` maps a folder inside of the image to the folder on this machine that is meant. The first word `python` (or
    `python3`) is the interpreter that the node was given.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    variables: str = (
        ""  # in a graded run, a pod sets only those whose names begin like this: others could bring a program along
    )


@dataclass(frozen=True)
class Config:
    """`folder` belongs to the agent's user alone. `only_known_commands`: a pod may run the images' own programs and `sleep`,
    and nothing that it brings itself (a graded run, in which nobody trusts it)."""

    server: str
    ca: Path
    token: str
    folder: Path
    certificate: Path
    key: Path
    python: str
    images: Mapping[str, Image]
    egress: Path
    node: str = "labkit"
    user: int | None = None
    group: int | None = None
    parent: int | None = None
    endpoint_delay: float = 0.5
    only_known_commands: bool = False

    @classmethod
    def read(cls, path: Path) -> Config:
        """From a JSON file."""
        told: dict[str, Any] = json.loads(path.read_text())
        paths = {name: Path(told[name]) for name in ("ca", "folder", "certificate", "key", "egress")}
        images = {name: Image(**image) for name, image in told["images"].items()}
        return cls(**{**told, **paths, "images": images})

    def image(self, name: str) -> Image | None:
        """The image of a pod's container, whether or not it was written with its registry."""
        short = name.removeprefix("docker.io/").removeprefix("library/")
        return self.images.get(name) or self.images.get(short) or self.images.get(f"{short}:latest")
