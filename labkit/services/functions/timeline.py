"""What each instance did and when: what a time line shows."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["start", "init", "run", "idle", "frozen"]
End = Literal["recycled", "killed", "timeout", "exit", "memory", "init", "closed"]


@dataclass(frozen=True)
class Span:
    """One stretch of an instance's life, in seconds since its function was made; a run has its event."""

    instance: int
    state: State
    begin: float
    end: float
    request_id: str = ""


@dataclass(frozen=True)
class Ended:
    """When and why an instance ended."""

    instance: int
    at: float
    why: End


class Timeline:
    """The spans of all instances of one function; those that are not closed yet are not in it."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self.spans: list[Span] = []
        self.ends: list[Ended] = []
        self._open: dict[int, tuple[State, float, str]] = {}

    def now(self) -> float:
        """Seconds since the function was made."""
        return time.monotonic() - self._zero

    def enter(self, instance: int, state: State, request_id: str = "") -> None:
        """The instance is in this state from now on."""
        self._close(instance)
        self._open[instance] = (state, self.now(), request_id)

    def ended(self, instance: int, why: End) -> None:
        """The instance is gone."""
        self._close(instance)
        self.ends.append(Ended(instance, self.now(), why))

    def to_json(self) -> dict[str, Any]:
        """All of it, with what goes on at this moment."""
        now = self.now()
        going_on = [Span(n, state, begin, now, request) for n, (state, begin, request) in self._open.items()]
        return {
            "spans": [asdict(span) for span in [*self.spans, *going_on]],
            "ends": [asdict(end) for end in self.ends],
        }

    def _close(self, instance: int) -> None:
        if instance in self._open:
            state, begin, request = self._open.pop(instance)
            self.spans.append(Span(instance, state, begin, self.now(), request))
