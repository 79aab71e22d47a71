"""What a check found out about an answer: the one record that every part of the course speaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "fail", "fault", "unverified", "unchecked"]


@dataclass(frozen=True)
class Verdict:
    """One check's judgement of one answer.

    `outcome` is "fault" when the course itself broke (server gone, disk full): that is never counted against the
    learner. It is "unverified" when this backend cannot tell; that is never counted as passed. It is "unchecked" when a
    check that it comes after did not pass: then it was not run, it earns nothing, and it is no second mistake.
    """

    check: str  # the test function, e.g. "test_reads_through_the_index"
    answer: str  # the answer that earns the points, e.g. "refunds"
    sentence: str  # what the learner reads: the check's docstring
    points: float
    outcome: Outcome
    why: str = ""  # one or two sentences: what happened, and the next step
    expected: str = ""
    got: str = ""
    hints: tuple[str, ...] = ()
    hidden: bool = False
    review: str = ""  # for a hidden check: what to review
    seconds: float = 0.0
    unsafe: bool = False  # judged by `labkit grade --unsafe`, without a sandbox
    extra: dict[str, Any] = field(default_factory=dict)  # e.g. sizes or timings a picture is drawn from

    @property
    def earned(self) -> float:
        """Points this verdict is worth."""
        return self.points if self.outcome == "pass" else 0.0

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """The inverse of `to_json`. Raises TypeError on unknown or missing fields."""
        return cls(**{**data, "hints": tuple(data.get("hints", ()))})


def any_unsafe(verdicts: Iterable[Verdict]) -> bool:
    """Whether any of them was reached without a sandbox."""
    return any(verdict.unsafe for verdict in verdicts)
