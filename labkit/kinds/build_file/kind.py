"""A file that lies beside a Dockerfile in the build context; the answer's name says which one it is."""

from __future__ import annotations

from labkit.kinds.dockerfile.kind import Dockerfile


class BuildFile(Dockerfile):
    """A start script or a `.dockerignore`, beside the lab's Dockerfile."""

    stub = "your file here"


KIND = BuildFile
