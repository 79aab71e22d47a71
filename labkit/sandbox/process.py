"""Waits for an untrusted program: reads a limited output, kills it at the deadline or over its limits."""

from __future__ import annotations

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO, Protocol

from labkit.sandbox.limits import EndedBy, Finished, Limits

LOOK = 0.05  # seconds between two looks at the memory and the processes
_BY_SIGNAL: dict[int, EndedBy] = {signal.SIGXCPU: "cpu"}


class Process(Protocol):
    """What is needed of a `subprocess.Popen`."""

    @property
    def stdout(self) -> IO[bytes] | None: ...
    @property
    def stderr(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


def watch(
    process: Process,
    limits: Limits,
    kill: Callable[[], None],
    tree: int | None = None,
    folders: Sequence[Path] = (),
    stop: Event | None = None,
    listens: Path | None = None,
) -> Finished:
    """Waits for `process`, whose stdout and stderr are pipes, and calls `kill` when it goes over a limit, or `stop` is set.

    `tree` is the process (of /proc) whose descendants count together against the limits on memory, processor time and
    processes; `folders` are file systems of its own, whose files count against that on files. `listens` is a socket that
    it makes in a folder of ours, where nothing else may be.
    """
    started = time.monotonic()
    output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    ended_by: EndedBy = "exit"

    def broken() -> EndedBy | None:
        if listens and not is_alone(listens):
            return "folder"
        return "stopped" if stop and stop.is_set() else over(tree, folders, limits)

    try:
        ended_by = _read(process, output, limits, started + limits.seconds, broken) or "exit"
    finally:
        kill()
        code = process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    number = -code if code < 0 else code - 128  # a wrapper reports its child's signal as 128 + n
    if ended_by == "exit" and number > 0:
        ended_by = _BY_SIGNAL.get(number, "signal")
    text = {name: bytes(data[: limits.output]).decode("utf-8", "replace") for name, data in output.items()}
    return Finished(code, text["stdout"], text["stderr"], time.monotonic() - started, ended_by)


def _read(
    process: Process,
    output: dict[str, bytearray],
    limits: Limits,
    deadline: float,
    look: Callable[[], EndedBy | None],
) -> EndedBy | None:
    """Reads until both pipes are closed or the process is gone; the limit that was broken, if one was."""
    with selectors.DefaultSelector() as selector:
        for name in output:
            selector.register(getattr(process, name), selectors.EVENT_READ, name)
        next_look = 0.0
        while selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                return "time"
            if now >= next_look:
                next_look = now + LOOK
                if broken := look():
                    return broken
            ready = selector.select(LOOK)
            if not ready and process.poll() is not None:
                return None  # a left-over child may hold the pipe open
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                output[key.data] += data
                if sum(map(len, output.values())) > limits.output:
                    return "output"
        while process.poll() is None:  # it closed its output and goes on
            if time.monotonic() >= deadline:
                return "time"
            if broken := look():
                return broken
            _wait(process, LOOK)
    return None


def is_alone(socket: Path) -> bool:
    """Whether the folder of a socket holds nothing else, and it is a socket."""
    with suppress(OSError), os.scandir(socket.parent) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            if entry.name != socket.name or not stat.S_ISSOCK(mode):
                return False
    return True


def _wait(process: Process, seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def over(tree: int | None, folders: Sequence[Path], limits: Limits) -> EndedBy | None:
    """The limit that the descendants of `tree` break together. They may end while we look."""
    taken = ticks = 0
    for number, pid in enumerate(descendants(tree) if tree else (), 1):
        if number > limits.processes + 2:  # and the sandbox's own
            return "processes"
        try:
            taken += resident(pid)
            # utime, stime, and those of children that it waited for; a name in brackets comes before
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except (OSError, ValueError):
            continue
    if taken > limits.memory:
        return "memory"
    if ticks > limits.cpu_seconds * os.sysconf("SC_CLK_TCK"):
        return "cpu"
    return "files" if any(_files_in(folder, limits) > limits.files for folder in folders) else None


def descendants(root: int) -> Iterator[int]:
    """`root` and every process below it. They may end while we look."""
    pids = [root]
    for pid in pids:  # grows while we walk
        yield pid
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())


def resident(pid: int) -> int:
    """Bytes of memory that a process has in RAM, those that it shares, too. Raises OSError when it is gone."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _files_in(folder: Path, limits: Limits) -> int:
    """How many files the sandbox's file system at `folder` holds; none where it is not there yet, or no more."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    is_ours = found.f_blocks * found.f_frsize <= limits.disk + os.sysconf("SC_PAGE_SIZE")  # before, it is the machine's
    return found.f_files - found.f_ffree if is_ours else 0
