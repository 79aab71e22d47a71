"""One build: buildx as a process, watched from outside."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from labkit.machine.fault import ServiceFault
from labkit.services.images.disk import HEADROOM_MB, Gauge
from labkit.services.images.engine import Engine, docker_command
from labkit.services.images.failure import BuildFailed, explain
from labkit.services.images.limits import DEFAULT, MB, Limits
from labkit.services.images.progress import Advice, BuildLog, Step

GRACE = 15.0  # seconds for buildx to end after it was told to
LOOK = 1.0  # seconds between two looks at the disk
LONGEST_LINE = 1_000_000

OnSteps = Callable[[list[Step]], object]


@dataclass(frozen=True)
class Build:
    """What is built of which folder. `options` are further options of buildx, all of them ours."""

    folder: Path
    dockerfile: Path
    options: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    offered: Sequence[str] = ()  # the images that its FROM may name, for messages


@dataclass(frozen=True)
class Done:
    """How a build went."""

    steps: list[Step]
    advice: list[Advice]
    seconds: float
    context_bytes: int  # of the build context that BuildKit asked for in this build


def run(
    engine: Engine,
    build: Build,
    gauge: str,
    limits: Limits = DEFAULT,
    on_steps: OnSteps = lambda steps: None,
    begun: Callable[[subprocess.Popen[bytes]], object] = lambda process: None,
) -> Done:
    """Builds, and tells of the process of it. `gauge` is a container that can say how full the disk is. Raises BuildFailed, and ServiceFault."""
    command = [docker_command(), "buildx", "build", "--progress=rawjson", "--network=none", "--provenance=false"]
    command += [
        f"--ulimit=fsize={limits.file_mb * MB}",
        f"--file={build.dockerfile}",
        *build.options,
        str(build.folder),
    ]
    log, watch, since = BuildLog(), _Watch(engine, gauge, limits), time.monotonic()
    process = subprocess.Popen(
        command, env={**engine.environment, **build.environment}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    begun(process)
    with watch.over(process):
        assert process.stderr
        _read(process.stderr, log, on_steps)
        code = process.wait()
    seconds = time.monotonic() - since
    if watch.why:
        raise BuildFailed(watch.why, log.steps, log.advice)
    if code:
        dockerfile = build.dockerfile.read_text(errors="replace")
        failure = explain(log, dockerfile, build.offered, limits)
        if not engine.answers():
            raise ServiceFault(
                "Docker does not answer any more, so the build is not done. Start Docker, and run this again."
            )
        _check_disk(engine, gauge)
        raise failure
    return Done(log.steps, log.advice, seconds, log.context_bytes)


def _read(stream: IO[bytes], log: BuildLog, on_steps: OnSteps) -> None:
    with stream:
        while line := stream.readline(LONGEST_LINE):
            if log.feed(line.decode(errors="replace")):
                on_steps(log.steps)


def _check_disk(engine: Engine, container: str) -> None:
    """A build that fails on a full disk is not the answer's fault."""
    with Gauge(engine, container) as gauge:
        free = gauge.free_mb()
    if free is not None and free < 100:
        raise ServiceFault(
            f"Docker's disk is full ({free:.0f} MB are free), so the build cannot be judged. Free some space, e.g. `docker "
            "system prune`, and run this again."
        )


class _Watch:
    """Ends a build that takes too long, or too much of the disk; `why` is then what its author is told."""

    def __init__(self, engine: Engine, container: str, limits: Limits) -> None:
        self.engine, self.container, self.limits, self.why = engine, container, limits, ""
        self._over = threading.Event()

    @contextlib.contextmanager
    def over(self, process: subprocess.Popen[bytes]) -> Any:
        thread = threading.Thread(target=self._look, args=(process,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            if process.poll() is None:  # we are interrupted
                _end(process)
            thread.join()

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.limits.seconds
        if self._over.wait(LOOK):  # most builds end before a look is worth it
            return
        with Gauge(self.engine, self.container) as gauge:
            before = gauge.free_mb()
            while not self._over.wait(min(LOOK, max(0.05, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    self.why = f"The build was still running after {self.limits.seconds:g} s, and was stopped."
                elif self._takes_too_much(gauge, before):
                    self.why = f"The build wrote more than {self.limits.disk_mb:,} MB to the disk, and was stopped."
                if self.why:
                    _end(process)
                    return

    def _takes_too_much(self, gauge: Gauge, before: float | None) -> bool:
        free = gauge.free_mb()
        if free is None or before is None:
            return False
        return before - free > self.limits.disk_mb or free < min(HEADROOM_MB, before / 2)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Has buildx cancel the build, which ends its steps; one that does not listen is killed, and the engine cancels then."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
