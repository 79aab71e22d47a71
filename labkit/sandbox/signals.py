"""Signals for a sandboxed program that another thread waits for: what a deploy sends to a server."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Signals:
    """Given to `Sandbox.run`, and kept: `send` reaches the program for as long as it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._send: Callable[[int], object] | None = None

    def send(self, number: int) -> bool:
        """Sends a signal to the program. Returns False when it does not run, or not yet."""
        with self._lock:
            if self._send is None:
                return False
            with suppress(OSError):  # it ended just now
                self._send(number)
            return True

    @contextmanager
    def to(self, send: Callable[[int], object]) -> Iterator[None]:
        """The sandbox's end: meanwhile `send` reaches the program."""
        with self._lock:
            self._send = send
        try:
            yield
        finally:
            with self._lock:
                self._send = None


def send_to_child(parent: int | None, number: int) -> None:
    """Sends a signal to the one child of a process: under bubblewrap, of the sandbox's process 1. Not to what only has its number since."""
    for _ in range(2 if parent else 0):  # the child may end while we look
        for child in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[:1]):
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(child)
                try:
                    if str(child) in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                        signal.pidfd_send_signal(descriptor, number)
                        return
                finally:
                    os.close(descriptor)
