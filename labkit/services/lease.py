"""A lease on a service: an open connection to the keeper that owns it. It ends with its holder, however
that dies."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from labkit.course import CourseError, home
from labkit.machine.backend import BACKENDS, Backend, choose, docker_given_up, give_up_docker, is_asked_for
from labkit.machine.environment import allowed
from labkit.machine.fault import ServiceFault
from labkit.machine.readable import is_readable

T = TypeVar("T")
PATIENCE = 180.0  # seconds for a service to start: the first time, an image may have to be pulled
UNSEEN = (
    5.0  # seconds after which a keeper of another machine, which holds the lock and cannot be reached, never will be
)
LOG_BYTES = 1_000_000  # a longer log is begun anew


def socket_path(service: str, backend: str) -> Path:
    """Where the keeper of a service listens."""
    return home.run_folder() / f"{service}-{backend}.keeper"


def lock_path(service: str, backend: str) -> Path:
    """What the keeper of a service holds. It lies with the data that it guards: others may have the same home and another TMPDIR."""
    folder = home.home() / "keepers"
    folder.mkdir(exist_ok=True)
    return folder / f"{service}-{backend}.lock"


class Holder(NamedTuple):
    """Who holds a keeper's lock, or held it last."""

    pid: int
    socket: Path  # where it listens
    machine: str

    @classmethod
    def of(cls, lock: Path) -> Holder | None:
        """As the lock says; None where it says nothing yet."""
        try:
            pid, listens, machine = lock.read_text(encoding="utf-8").splitlines()[:3]
            return cls(int(pid), Path(listens), machine)
        except (OSError, ValueError):
            return None


def machine() -> str:
    """What tells this host, and this container on it, from others that may have the same home."""
    names = [os.uname().nodename]
    for file in ("/proc/sys/kernel/random/boot_id",):
        with contextlib.suppress(OSError):
            names.append(Path(file).read_text().strip())
    for namespace in ("mnt", "pid"):
        with contextlib.suppress(OSError):
            names.append(os.readlink(f"/proc/self/ns/{namespace}"))
    return " ".join(names)


def on_what_works(asked: str | None, start: Callable[[Backend], T], backends: tuple[Backend, ...] = BACKENDS) -> T:
    """What `start` gives on the backend that is asked for, or that is there, of those that the service has. Where Docker answers and cannot
    start it (no network, a limit on pulls), and nobody asked for Docker by name, it is the embedded one, and `Lease.info` says why.
    Raises ServiceFault."""
    backend = choose(asked)
    if backend not in backends and not is_asked_for(asked):
        backend = backends[0]  # Docker answers, and is nothing to a service that does not run in it
    try:
        home.run_folder()
    except CourseError as error:  # no place to write to: a fault of this machine, not of the course's files
        raise ServiceFault(str(error)) from error
    try:
        return start(backend)
    except ServiceFault as fault:
        if backend != "docker" or "embedded" not in backends or is_asked_for(asked):
            raise
        give_up_docker(str(fault))
        return start("embedded")


def log_path(service: str, backend: str) -> Path:
    """Where the keeper of a service, and the service, write what happens."""
    folder = home.home() / "log"
    folder.mkdir(exist_ok=True)
    return folder / f"{service}-{backend}.log"


class Lease:
    """Joins the keeper of a service, or starts it within `patience` seconds. `info` is what the keeper says about how to reach the
    service.

    Raises ServiceFault when the service cannot start.
    """

    def __init__(self, service: str, backend: Backend, patience: float = PATIENCE) -> None:
        self.service, self.patience = service, patience
        self.backend: Backend = backend
        self.instead = docker_given_up() if backend == "embedded" else ""  # why it is not in Docker, where that answers
        self._lock = threading.Lock()
        self._buffer = b""
        self._said: dict[str, Any] = {}
        self._socket = self._join()

    @property
    def info(self) -> dict[str, Any]:
        """The latest that the keeper said: after a restart, a service may be reached in another way.

        Raises ServiceFault where a restart failed.
        """
        self._listen()
        said = self._checked()
        return said | {"where": f"{said.get('where', '')} (not in Docker: {self.instead})"} if self.instead else said

    def is_held(self) -> bool:
        """Whether the keeper is still there."""
        self._listen()  # so that only an end of file is left to be seen
        with self._lock, contextlib.suppress(OSError, ValueError):
            return not (self._readable(0) and self._socket.recv(1, socket.MSG_PEEK) == b"")
        return False

    def restart(self, *, renew: bool = False) -> None:
        """A new server process: from the keeper, or with a new keeper where that is gone. With `renew` the keeper
        removes the old one's data first. Raises ServiceFault."""
        line = b""
        if self.is_held():
            with self._lock, contextlib.suppress(OSError):
                self._socket.sendall(b'{"do": "renew"}\n' if renew else b'{"do": "restart"}\n')
                line = self._read_line(self.patience)
        if line:
            self._said = json.loads(line)
            self._checked()
        else:
            self._socket.close()
            self._buffer = b""
            self._socket = self._join()

    def close(self) -> None:
        """Gives the lease back; the last one's end ends the service."""
        self._socket.close()

    def _join(self) -> socket.socket:
        deadline, unseen = time.monotonic() + self.patience, time.monotonic() + UNSEEN
        while time.monotonic() < deadline:
            holder = Holder.of(lock_path(self.service, self.backend))
            self._socket = (holder and _connect(holder.socket)) or self._start_keeper()
            with contextlib.suppress(ConnectionError, TimeoutError):
                if line := self._read_line(max(0.0, deadline - time.monotonic())):
                    self._said = json.loads(line)
                    self._checked(close=True)
                    return self._socket
            # Another keeper is just starting, or just ending: neither can be awaited, and both take
            # milliseconds.
            self._socket.close()
            holder = Holder.of(lock_path(self.service, self.backend))
            if holder and holder.machine != machine() and time.monotonic() > unseen:
                home.move_apart()  # it works on the data, and its socket is in another container or on another host
                unseen = time.monotonic() + UNSEEN
            time.sleep(0.02)
        raise ServiceFault(
            f"{self.service} did not start within {self.patience:g} s. "
            f"See {log_path(self.service, self.backend)}, then run `labkit doctor`."
        )

    def _start_keeper(self) -> socket.socket:
        """A new keeper, which has this lease from its birth. It ends at once where another one runs
        already."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "labkit.services.keeper", self.service, self.backend]
        path = log_path(self.service, self.backend)
        mode = "wb" if path.exists() and path.stat().st_size > LOG_BYTES else "ab"
        with theirs, path.open(mode) as log:
            fd = theirs.fileno()
            subprocess.run(
                [*command, str(fd)], pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=allowed(), start_new_session=True, check=False,
            )  # fmt: skip
        return ours

    def _readable(self, timeout: float) -> bool:
        return is_readable(self._socket, timeout)

    def _read_line(self, timeout: float) -> bytes:
        """The next line, or nothing at the end of file. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            if not self._readable(max(0.0, deadline - time.monotonic())):
                raise TimeoutError("the keeper says nothing")
            data = self._socket.recv(65536, socket.MSG_PEEK)
            if not data:
                return b""
            self._buffer += self._socket.recv(len(data))
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _listen(self) -> None:
        """Reads what the keeper said meanwhile."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            while self._readable(0) and (line := self._read_line(1)):
                self._said = json.loads(line)

    def _checked(self, close: bool = False) -> dict[str, Any]:
        if "fault" in self._said:
            if close:
                self._socket.close()
            raise ServiceFault(self._said["fault"])
        return self._said


def _connect(path: Path) -> socket.socket | None:
    keeper = socket.socket(socket.AF_UNIX)
    try:
        keeper.connect(str(path))
    except OSError:  # nobody listens there, or it is another container's
        keeper.close()
        return None
    return keeper
