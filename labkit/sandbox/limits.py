"""What a sandboxed program may use, how it ended, and what every sandbox offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from labkit.sandbox.started import Started

from labkit.sandbox.signals import Signals

MiB = 1024 * 1024
EndedBy = Literal["exit", "signal", "time", "cpu", "memory", "processes", "output", "files", "folder", "stopped"]


@dataclass(frozen=True)
class Limits:
    """Seconds, bytes and counts. `memory` bounds each process' addresses, and the RAM of all together; `cpu_seconds` each
    process, and where we see them (not in a container) all together."""

    seconds: float = 20.0
    cpu_seconds: int = 10
    memory: int = 512 * MiB
    addresses: int = 0  # of each process, where that is not `memory`
    processes: int = 32  # threads count too
    file_size: int = 16 * MiB
    disk: int = 64 * MiB  # of /tmp, and again of /work
    files: int = 10_000  # in each of them: an empty file takes no disk, but the kernel's memory
    open_files: int = 128
    output: int = 1 * MiB  # of stdout and stderr together
    libraries: tuple[str, ...] = (
        "alembic",
        "sqlalchemy",
        "psycopg",
        "websockets",
    )  # what a container must have; bubblewrap shows all that is here


DEFAULT = Limits()


@dataclass(frozen=True)
class Warm:
    """What a program imports before it does anything else, and the environment in which it does: what takes long, and is the same for all
    that are run. A sandbox that can imports it once, and forks each program from there."""

    modules: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finished:
    """How a program ended. Its output is untrusted bytes, decoded with replacement characters."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    ended_by: EndedBy

    @property
    def ok(self) -> bool:
        """It ended by itself, with status 0."""
        return self.ended_by == "exit" and self.exit_code == 0

    def why(self, limits: Limits) -> str:
        """One sentence on how it ended, for the author of the program."""
        return {
            "exit": f"The program ended with exit status {self.exit_code}.",
            "signal": f"The program was killed by a signal (exit status {self.exit_code}).",
            "time": f"The program was still running after {limits.seconds:g} s and was stopped.",
            "cpu": f"The program used more than {limits.cpu_seconds} s of processor time and was stopped.",
            "memory": f"The program used more than {limits.memory // MiB} MB of memory and was stopped.",
            "processes": f"The program had more than {limits.processes} processes and was stopped.",
            "files": f"The program made more than {limits.files:,} files and was stopped.",
            "folder": "The program wrote more than its socket into the socket's folder and was stopped.",
            "stopped": "The program was stopped.",
            "output": f"The program printed more than {limits.output // 1024} kB and was stopped.",
        }[self.ended_by]


class Sandbox(Protocol):
    """Runs a program in a folder of its own. `kind` names the protection."""

    kind: str

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        stop: Event | None = None,
        listens: Path | None = None,
        signals: Signals | None = None,
        warm: Warm | None = None,
    ) -> Finished:
        """Runs `argv` in a folder with `files` (path -> content), until it and all that it started are gone, or `stop` is set.

        `python` as the first word is the sandbox's own interpreter. The environment is PATH, HOME, LANG, what
        Python needs, and `env`. `listens` is a socket that the program makes itself, alone in a folder of ours; `signals`
        reaches the program from another thread meanwhile. `warm` is what a Python program may find imported.
        """
        ...

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        warm: Warm | None = None,
    ) -> Started:
        """As `run`, but returns while the program goes on. Its folder cannot be written to, only `/tmp`; wall time is the caller's to
        watch, and what it writes is discarded, but for its last words. `warm` as there.
        """
        ...

    def folder_of(self, socket: Path) -> str:
        """The folder in which the program finds this socket, under its own name."""
        ...


def rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """The kernel's limits for each process of a sandbox, soft and hard, by their names without RLIMIT_."""
    addresses = limits.addresses or limits.memory
    return {
        "AS": (addresses, addresses),
        "CPU": (limits.cpu_seconds, limits.cpu_seconds + 1),
        "FSIZE": (limits.file_size, limits.file_size),
        "NOFILE": (limits.open_files, limits.open_files),
        "CORE": (0, 0),
    }


def prlimit_options(bounds: Mapping[str, tuple[int, int]]) -> list[str]:
    """The same as options of `prlimit`."""
    return [f"--{name.lower()}={soft}:{hard}" for name, (soft, hard) in bounds.items()]


def inside(name: str) -> str:
    """`name`, a relative path that stays in its folder. Raises ValueError."""
    if not name or name.startswith("/") or ".." in Path(name).parts:
        raise ValueError(f"{name!r} is not a path inside the sandbox's folder. Name the file relative to it.")
    return name
