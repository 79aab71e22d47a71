"""What an event takes and costs with more memory or less, worked out: an instance of this course may use a whole processor, one of Lambda's a share.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.sandbox.traffic import Counts

WHOLE_MB = 1769  # memory with which an instance has one processor; Python code in one thread uses no more of them
CONNECTION_MS, ROUND_TRIP_MS = 50.0, 5.0  # what waiting for a database in the same region takes


@dataclass(frozen=True)
class Work:
    """Milliseconds of one event: what it waits for others, and what it computes on a whole processor."""

    wait_ms: float
    cpu_ms: float

    def duration_ms(self, memory: int) -> float:
        """How long it takes with so many MB."""
        return self.wait_ms + self.cpu_ms / min(1.0, memory / WHOLE_MB)

    def gb_ms(self, memory: int) -> float:
        """What it costs with so many MB."""
        return memory / 1024 * self.duration_ms(memory)


def waiting_ms(counts: Counts) -> float:
    """How long a function waits for its database: for each connection, and for each round trip."""
    return CONNECTION_MS * counts.connections + ROUND_TRIP_MS * counts.round_trips
