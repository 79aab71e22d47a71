"""The engine's disk while a build runs: no limit of the engine's binds what a build writes in all, so we look."""

from __future__ import annotations

import contextlib
import subprocess
from types import TracebackType
from typing import Any, Self

from labkit.services.images.engine import Engine, docker_command
from labkit.services.images.limits import MB

SAY_FREE = 'while read -r _; do stat -f -c "%a %S" /; done'  # a line for each line
HEADROOM_MB = 1024  # that stay free whatever a build does


class Gauge:
    """Says how much of the engine's disk is free, by a shell in a container of ours. A context manager."""

    def __init__(self, engine: Engine, container: str) -> None:
        command = [docker_command(), "exec", "-i", container, "sh", "-c", SAY_FREE]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._shell = subprocess.Popen(command, env=engine.environment, text=True, **pipes)

    def free_mb(self) -> float | None:
        """Megabytes, or None when the container does not say it any more."""
        assert self._shell.stdin
        assert self._shell.stdout
        with contextlib.suppress(OSError, ValueError):
            self._shell.stdin.write("\n")
            self._shell.stdin.flush()
            blocks, size = self._shell.stdout.readline().split()
            return int(blocks) * int(size) / MB
        return None

    def close(self) -> None:
        """Ends the shell."""
        assert self._shell.stdin
        with contextlib.suppress(OSError):
            self._shell.stdin.close()
        try:
            self._shell.wait(5)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()
        if self._shell.stdout:
            self._shell.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
