"""Waiting for one descriptor."""

from __future__ import annotations

import select
from typing import Protocol


class HasDescriptor(Protocol):
    """A socket, a pipe, a file."""

    def fileno(self) -> int: ...


def is_readable(what: HasDescriptor | int, seconds: float | None) -> bool:
    """Whether something can be read from it (or it has ended) in time; None waits for ever. `select` refuses descriptors from 1,024 on."""
    waiting = select.poll()
    waiting.register(what, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else max(0.0, 1000 * seconds)))
