"""The keeper: one process that owns one service, as long as somebody holds a lease on it.

    python -m labkit.services.keeper postgres-learner embedded [FD]

A lease is an open connection to the keeper's Unix socket (or FD, the lease that its starter holds from
birth). The kernel closes it when its holder dies, even by SIGKILL: no heartbeat, no process list, no cleanup
in the holder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, Protocol

from labkit.services.fault import ServiceFault
from labkit.services.lease import log_path, socket_path


class Server(Protocol):
    """What a keeper keeps."""

    def start(self) -> dict[str, Any]:
        """Starts it and says how to reach it. Raises ServiceFault."""
        ...

    def stop(self) -> None:
        """Ends it; nothing of it is left but its data. Also after a start that failed."""
        ...

    def forget(self) -> None:
        """Removes the data of one that was stopped."""
        ...


def server(service: str, backend: str) -> Server:
    """The server of a service, e.g. "postgres-learner", on a backend."""
    kind, _, purpose = service.partition("-")
    if (kind, backend) == ("postgres", "embedded"):
        from labkit.services.postgres_embedded import EmbeddedServer

        return EmbeddedServer(purpose)
    if (kind, backend) == ("postgres", "docker"):
        from labkit.services.postgres_docker import DockerServer

        return DockerServer(purpose)
    raise ServiceFault(f"There is no service {service} on {backend}. This is a bug in the course: report it.")


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
            log = log_path(self.service, self.backend)
            self.said = {"fault": f"{self.service} does not start: {error!r}. See {log}, then run `labkit doctor`."}
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


def only_one(lock: Path) -> int | None:
    """The lock that the one keeper of a service holds while it lives, or None where another one has it."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(lock).st_ino != os.fstat(fd).st_ino:
            raise FileNotFoundError  # its last holder removed it while we opened it
    except (BlockingIOError, FileNotFoundError):
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())  # for `labkit clean`
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
    path = socket_path(service, backend)
    lock = path.with_suffix(".lock")
    if only_one(lock) is None:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        keeper = Keeper(service, backend, listen(path))
        keeper.run(socket.socket(fileno=int(fd)) if fd else None)
    finally:
        with contextlib.suppress(OSError):  # the folder stays while it is not empty
            path.unlink()
            lock.unlink()
            path.parent.rmdir()


if __name__ == "__main__":
    main(*sys.argv[1:])
