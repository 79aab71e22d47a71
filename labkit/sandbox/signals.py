"""Signals for a sandboxed program that another thread waits for: what a deploy sends to a server. And where it is to be seen."""

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
        self._tree: Callable[[], int | None] | None = None

    def send(self, number: int) -> bool:
        """Sends a signal to the program. Returns False when it does not run, or not yet."""
        with self._lock:
            if self._send is None:
                return False
            with suppress(OSError):  # it ended just now
                self._send(number)
            return True

    @property
    def tree(self) -> int | None:
        """The process (of /proc) whose descendants are the program's; None when it does not run, or nobody shows it to us."""
        with self._lock:
            return self._tree() if self._tree else None

    @contextmanager
    def to(self, send: Callable[[int], object], tree: Callable[[], int | None] | None = None) -> Iterator[None]:
        """The sandbox's end: meanwhile `send` reaches the program, and `tree` says where it is."""
        with self._lock:
            self._send, self._tree = send, tree
        try:
            yield
        finally:
            with self._lock:
                self._send = self._tree = None


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
