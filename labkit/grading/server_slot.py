"""Which grading server a worker has to itself: `grading-0`, `grading-1` and so on, whoever else grades on this machine."""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from labkit.course import home


class Slot(NamedTuple):
    """A server's purpose, and the descriptor of its lock. The lock lasts until the last process that has it is gone."""

    purpose: str
    lock: int


@contextmanager
def claim() -> Iterator[Slot]:
    """The first slot that is free: servers keep their data, so the same few are used again and again."""
    folder = home.home() / "grading"
    folder.mkdir(exist_ok=True)
    for number in itertools.count():
        purpose = f"grading-{number}"
        lock = os.open(folder / f"{purpose}.slot", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield Slot(purpose, lock)
        finally:
            os.close(lock)
        return
