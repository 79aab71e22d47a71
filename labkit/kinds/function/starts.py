"""What cold starts cost, in processor time: on a busy machine wall time is anything, and this stays what it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labkit.services.functions.invocation import Result


def cost_ms(result: Result) -> float:
    """Milliseconds of processor time until the answer, the init too; wall time where nobody shows us processor time."""
    report = result.report
    if report is None:
        return math.inf
    return report.all_cpu_ms if report.all_cpu_ms is not None else report.duration_ms + (report.init_ms or 0.0)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile by nearest rank: of fewer than 20 values the largest."""
    ranked = sorted(values)
    return ranked[math.ceil(0.95 * len(ranked)) - 1]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]
