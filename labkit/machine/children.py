"""Processes that do not outlive the one that starts them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable


def dies_with_us(number: int = signal.SIGKILL, first: Callable[[], object] = lambda: None) -> Callable[[], None]:
    """A `preexec_fn`: what a new process does before it becomes the program. It sets its own limits in `first`, and then gets the
    signal when we end, however that is. Linux keeps that for it, and forgets it where the process becomes another user later."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: not between fork and exec
    parent = os.getpid()

    def before_exec() -> None:
        first()
        if libc:
            libc.prctl(1, number)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:  # we ended meanwhile
                os._exit(1)

    return before_exec
