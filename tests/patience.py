"""How long the tests wait for what must come: no load of a machine reaches it, so that only what never comes fails."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 300.0  # seconds


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
