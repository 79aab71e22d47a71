"""What one build, one image and one container may use."""

from __future__ import annotations

from dataclasses import dataclass

MB = 2**20


@dataclass(frozen=True)
class Limits:
    """Seconds, megabytes (binary ones, as in the table of docs/threat-model.md) and counts. They hold from outside: nothing in a Dockerfile can lift them."""

    seconds: float = 600.0  # of one build
    memory_mb: int = 1024  # of all processes of a build, or of a container
    pids: int = 256  # of the same
    cpus: float = 2.0
    file_mb: int = 1024  # one file that a step writes
    disk_mb: int = 3072  # that a build may take from the engine's disk
    image_mb: int = 2048
    context_mb: int = 512
    context_files: int = 20_000
    output_kb: int = 256  # of a container; of a build's output the end is kept


DEFAULT = Limits()
