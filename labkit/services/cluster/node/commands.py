"""Commands that a pod brings itself: its own `command`, and those of its probes and hooks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

SLEEP = re.compile(r"\s*(?:exec\s+)?(?:/bin/|/usr/bin/)?sleep\s+(\d+(?:\.\d+)?)s?\s*;?\s*")
SHELLS = {"sh", "/bin/sh", "bash", "/bin/bash", "/usr/bin/bash"}


class NotAllowed(Exception):
    """The node was told to run nothing that a pod brings."""


def sleeping(command: Sequence[str]) -> float | None:
    """The seconds of a command that only sleeps, which needs no process of its own."""
    text = command[2] if len(command) == 3 and command[0] in SHELLS and command[1] == "-c" else " ".join(command)
    match = SLEEP.fullmatch(text)
    return float(match[1]) if match else None


def as_program(argv: Sequence[str], python: str) -> list[str]:
    """With the interpreter that the node has, whatever path an image calls it by."""
    name = os.path.basename(argv[0])
    return [python, *argv[1:]] if re.fullmatch(r"python3?(\.\d+)?", name) else list(argv)
