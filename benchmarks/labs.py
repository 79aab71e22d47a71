"""Each lab's verdict time beside a learner and grading time with hidden checks, on one backend, and what it is spent on."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.measure import Row
from labkit import course, source
from labkit.checker_process import CheckerProcess

GOAL = 3.0  # seconds of grading


def rows(backend: str) -> Iterator[Row]:
    """The solutions, with a checker that is warm: the second of two runs."""
    for lab in course.labs():
        answers = source.read(course.root() / "solutions" / lab.section / f"{lab.name}.md").solutions()
        with CheckerProcess("learner", backend) as checker:
            verdict, _ = _second(checker, lab, answers, hidden=False)
        with CheckerProcess("grading", backend) as checker:
            grading, verdicts = _second(checker, lab, answers, hidden=True)
        slowest = sorted(verdicts, key=lambda found: -found.seconds)[:2]
        spent = ", ".join(f"{found.check.removeprefix('test_')} {found.seconds:.1f} s" for found in slowest)
        measured = f"all visible checks {verdict:.2f} s, grading {grading:.2f} s ({spent})"
        yield Row(f"{backend}: {lab.name}", measured, f"<= {GOAL:g} s of grading", grading <= GOAL)


def _second(checker: CheckerProcess, lab: course.Lab, answers: dict[str, str], *, hidden: bool):
    checker.check(lab, answers, hidden=hidden)
    started = time.perf_counter()
    verdicts = checker.check(lab, answers, hidden=hidden)
    return time.perf_counter() - started, verdicts
