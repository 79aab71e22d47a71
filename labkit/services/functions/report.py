"""What one invocation took and cost: the REPORT line of the log, and what is billed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """Durations in milliseconds, memory in MB. `init_ms` is None where the instance was warm; `status` is success, error or timeout.

    The time of the code outside of the handler is billed since August 2025: it counts in `billed_ms`.
    """

    request_id: str
    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    status: str = "success"
    init_cpu_ms: float | None = None  # processor time until the first event, and of this event: all its processes'.
    cpu_ms: float | None = (
        None  # None where nobody shows them to us (a Docker engine elsewhere), or where they are gone
    )

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds, rounded up."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))

    @property
    def gb_ms(self) -> float:
        """What is paid for: memory that is set, times the billed time."""
        return self.memory_mb / 1024 * self.billed_ms

    @property
    def all_cpu_ms(self) -> float | None:
        """Processor time of the event, and of the init where it had one. Other work on the machine hardly changes it."""
        return None if self.cpu_ms is None else self.cpu_ms + (self.init_cpu_ms or 0.0)

    def line(self) -> str:
        """As Lambda writes it, with its tabs."""
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        if self.init_ms is not None:
            parts.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.status != "success":
            parts.append(f"Status: {self.status}")
        return "\t".join(parts)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Bill:
    """What a number of invocations came to."""

    invocations: int
    cold_starts: int
    billed_ms: int
    gb_ms: float

    @classmethod
    def of(cls, reports: list[Report]) -> Bill:
        """The sum of what is billed."""
        cold = sum(report.init_ms is not None for report in reports)
        return cls(len(reports), cold, sum(r.billed_ms for r in reports), sum(r.gb_ms for r in reports))
