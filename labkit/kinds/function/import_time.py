"""An instance's import time, taken apart: `python -X importtime`, asked for by the variable PYTHONPROFILEIMPORTTIME as on Lambda."""

from __future__ import annotations

import re
from dataclasses import dataclass

VARIABLE = "PYTHONPROFILEIMPORTTIME"
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")


@dataclass(frozen=True)
class Import:
    """One module's import: milliseconds of its own, with what it imports itself, and how deep it stands below the others."""

    module: str
    own_ms: float
    all_ms: float
    depth: int


def imports(log: str) -> list[Import]:
    """Every import that a log tells of, in its order: a module comes after what it imports."""
    found = (LINE.search(line) for line in log.splitlines())
    return [Import(m[4], int(m[1]) / 1000, int(m[2]) / 1000, (len(m[3]) - 1) // 2) for m in found if m]


def by_package(found: list[Import], most: int = 8) -> dict[str, float]:
    """Milliseconds of their own by top package, the slowest first; what is left over is "others"."""
    sums: dict[str, float] = {}
    for one in found:
        top = one.module.partition(".")[0].removeprefix("_")
        sums[top] = sums.get(top, 0.0) + one.own_ms
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    others = sum(ms for _, ms in ranked[most:])
    return dict(ranked[:most]) | ({"others": others} if others else {})
