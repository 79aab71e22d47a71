"""A lease on a service: an open connection to the keeper that owns it. It ends with its holder, however
that dies."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from labkit import home
from labkit.services.fault import ServiceFault

PATIENCE = 180.0  # seconds for a service to start: the first time, an image may have to be pulled
LOG_BYTES = 1_000_000  # a longer log is begun anew


def socket_path(service: str, backend: str) -> Path:
    """Where the keeper of a service listens."""
    return home.run_folder() / f"{service}-{backend}.keeper"


def log_path(service: str, backend: str) -> Path:
    """Where the keeper of a service, and the service, write what happens."""
    folder = home.home() / "log"
    folder.mkdir(exist_ok=True)
    return folder / f"{service}-{backend}.log"


class Lease:
    """Joins the keeper of a service, or starts it. `info` is what the keeper says about how to reach the
    service.

    Raises ServiceFault when the service cannot start.
    """

    def __init__(self, service: str, backend: str) -> None:
        self.service, self.backend = service, backend
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
        return self._checked()

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
                line = self._read_line(PATIENCE)
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
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._socket = _connect(socket_path(self.service, self.backend)) or self._start_keeper()
            with contextlib.suppress(ConnectionError, TimeoutError):
                if line := self._read_line(max(0.0, deadline - time.monotonic())):
                    self._said = json.loads(line)
                    self._checked(close=True)
                    return self._socket
            # Another keeper is just starting, or just ending: neither can be awaited, and both take
            # milliseconds.
            self._socket.close()
            time.sleep(0.02)
        raise ServiceFault(
            f"{self.service} did not start within {PATIENCE:g} s. "
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
                env=_environment(), start_new_session=True, check=False,
            )  # fmt: skip
        return ours

    def _readable(self, timeout: float) -> bool:
        return bool(select.select([self._socket], [], [], timeout)[0])

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
    except (FileNotFoundError, ConnectionRefusedError):
        keeper.close()
        return None
    return keeper


def _environment() -> dict[str, str]:
    """The keeper outlives its starter, so nothing of the starter's Postgres settings may change what it
    does."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
