"""The keeper: one process that owns one service, as long as somebody holds a lease on it.

    python -m labkit.services.keeper SERVICE-PURPOSE BACKEND [FD]

A lease is an open connection to the keeper's Unix socket (or FD, the lease that its starter holds from
birth). The kernel closes it when its holder dies, even by SIGKILL: no heartbeat, no process list, no cleanup
in the holder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, cast

from labkit.course import CourseError
from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.services import named
from labkit.services.lease import lock_path, log_path, machine, socket_path
from labkit.services.service import Server


def server(service_and_purpose: str, backend: str) -> Server:
    """What a keeper called SERVICE-PURPOSE, e.g. with the purpose "learner", keeps on a backend."""
    name, _, purpose = service_and_purpose.partition("-")
    try:
        kept = named(name)
    except CourseError as error:
        raise ServiceFault(str(error)) from error
    if backend not in kept.backends:
        raise ServiceFault(f"{kept.runs_only_on()} Unset LABKIT_BACKEND, or set it to {kept.backends[0]}.")
    return kept.server(purpose, cast(Backend, backend))


class Keeper:
    """Serves leases until none is left."""

    def __init__(self, service: str, backend: str, listener: socket.socket) -> None:
        self.service, self.backend, self.listener = service, backend, listener
        self.server: Server | None = None
        self.selector = selectors.DefaultSelector()
        self.leases: set[socket.socket] = set()
        self.said: dict[str, Any] = {}

    def run(self, first: socket.socket | None) -> None:
        """Starts the server, and ends it when the last lease is gone."""
        self.selector.register(self.listener, selectors.EVENT_READ)
        if first:
            self._add(first)
        try:
            while True:
                self._start()
                self._serve()
                self._stop()
                if "fault" in self.said or not self._somebody_waits():
                    return
        finally:
            self._stop()

    def _stop(self) -> None:
        if self.server:
            self.server.stop()

    def _start(self) -> None:
        try:
            self.server = self.server or server(self.service, self.backend)
            self.said = self.server.start()
        except ServiceFault as fault:
            self.said = {"fault": str(fault)}
        except Exception as error:  # whatever it is, the holders of leases must be told
            traceback.print_exc()
            why = (str(error).splitlines() or [""])[0][:300]
            how = f"{self.service} does not start: {type(error).__name__}: {why}. See {log_path(self.service, self.backend)}"
            without = ", or do without Docker: LABKIT_BACKEND=embedded" if self.backend == "docker" else ""
            self.said = {"fault": f"{how}, then run `labkit doctor`{without}."}
        for lease in list(self.leases):
            self._say(lease)

    def _serve(self) -> None:
        """Until the last lease ends. A server that did not start has nothing to serve: those who wait are
        told so."""
        if "fault" in self.said:
            while self._somebody_waits():
                self._say(self._add(self.listener.accept()[0]))
            return
        first = not self.leases
        while self.leases or first:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self._say(self._add(self.listener.accept()[0]))
                    first = False
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)

    def _hear(self, lease: socket.socket) -> None:
        try:
            line = lease.recv(4096)
        except OSError:
            line = b""
        if not line:
            self._end(lease)
        elif b'"restart"' in line or b'"renew"' in line:
            self._stop()
            if b'"renew"' in line and self.server:
                self.server.forget()
            self._start()

    def _somebody_waits(self) -> bool:
        return any(key.fileobj is self.listener for key, _ in self.selector.select(timeout=0))

    def _add(self, lease: socket.socket) -> socket.socket:
        self.leases.add(lease)
        self.selector.register(lease, selectors.EVENT_READ)
        return lease

    def _say(self, lease: socket.socket) -> None:
        try:
            lease.sendall(json.dumps(self.said).encode() + b"\n")
        except OSError:
            self._end(lease)

    def _end(self, lease: socket.socket) -> None:
        self.leases.discard(lease)
        self.selector.unregister(lease)
        lease.close()


def only_one(lock: Path, *says: object) -> int | None:
    """The lock that the one keeper of a service holds while it lives, or None where another one has it. Its lines: the process, and `says`."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(lock).st_ino != os.fstat(fd).st_ino:
            raise FileNotFoundError  # its last holder removed it while we opened it
    except (BlockingIOError, FileNotFoundError):
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    os.write(fd, "".join(f"{one}\n" for one in (os.getpid(), *says)).encode())
    return fd


def listen(path: Path) -> socket.socket:
    """The keeper's socket; only its own user may connect, as the superuser's password goes through it."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o077)
    listener.bind(str(path))
    os.umask(mask)
    listener.listen(64)
    return listener


def main(service: str, backend: str, fd: str = "") -> None:
    """Runs the keeper, detached from its starter; returns at once where another keeper runs."""
    if os.fork():
        os._exit(0)  # the starter waits for this, so the keeper is nobody's child and leaves no zombie
    os.umask(0o022)  # a server's own user must get at its files; what is secret has a mode of its own
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # a checker's own bound is not for what it starts
    first = socket.socket(fileno=int(fd)) if fd else None
    try:
        _keep(service, backend, first)
    except OSError as error:  # before there is a keeper that could tell it
        fault = (
            f"The lock or the socket of {service} cannot be made: {error.strerror or error} ({error.filename or lock_path(service, backend)}). "
            "Set LABKIT_HOME to a folder on a disk of this machine, and TMPDIR to one with a short path."
        )
        with contextlib.suppress(OSError):
            if first:
                first.sendall(json.dumps({"fault": fault}).encode() + b"\n")
        raise


def _keep(service: str, backend: str, first: socket.socket | None) -> None:
    path, lock = socket_path(service, backend), lock_path(service, backend)
    beside = path.with_suffix(".lock")  # tells `labkit clean` that the folder of the socket is in use
    if only_one(lock, path, machine()) is None or only_one(beside) is None:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        keeper = Keeper(service, backend, listen(path))
        keeper.run(first)
    finally:
        with contextlib.suppress(OSError):  # the folder stays while it is not empty
            for file in (path, beside, lock):
                file.unlink()
            path.parent.rmdir()


if __name__ == "__main__":
    main(*sys.argv[1:])
