"""Answers of any kind that ruin everything, made from a lab's solution: no check may break on one, and none is worth full marks.

A kind has its own in its folder's module `wrecks`: `wrecks(solution) -> {name: text}`. One whose name begins with "slow" takes until its
deadline; tests leave those to `labkit verify --wrecks`. One whose name begins with "harmless" may be right: no check may break on it.
"""

from __future__ import annotations

import importlib
import importlib.util

from labkit.kinds import KINDS
from labkit.kinds.kind import Kind


def wrecks(kind: str, solution: str) -> dict[str, str]:
    """Those of any kind, and the kind's own."""
    named = f"labkit.kinds.{kind}.wrecks"
    assert kind in KINDS
    own = importlib.import_module(named).wrecks(solution) if importlib.util.find_spec(named) else {}
    return _of_any_kind(solution) | own


def _of_any_kind(solution: str) -> dict[str, str]:
    """What is no answer at all."""
    return {
        "nothing": "",
        "blank": "  \n\t\n",
        "prose": "I would ask the database for all rows, and then look at them one by one.",
        "another-language": "<?php echo 'hello'; ?>",
        "cut-off": solution[: len(solution) // 3],
        "nul": f"{solution}\0",
        "no-unicode": f"{solution}\ud800",
        "huge": f"{solution}\n" + "x" * Kind.characters,
        "nested": "(" * 20_000 + ")" * 20_000,
    }
