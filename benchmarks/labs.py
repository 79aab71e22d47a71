"""Each lab's verdict time beside a learner and grading time with hidden checks, on one backend, and what it is spent on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.measure import Row
from labkit import course, source
from labkit.checking.process import CheckerProcess
from labkit.course.verdict import Verdict
from labkit.grading.engine import Worker
from labkit.grading.work_order import Work
from labkit.machine.backend import Backend

GOAL = 3.0  # seconds of grading for one submission on two cores, alone and beside others
CORES, EACH = 2, 2  # workers, and submissions of each


def rows(backend: Backend) -> Iterator[Row]:
    """The solutions, by checkers that are warm."""
    for lab in course.labs():
        answers = source.read(course.root() / "solutions" / lab.section / f"{lab.name}.md").solutions()
        verdict = _visible(backend, lab, answers)
        alone, together, verdicts = _graded(backend, Work("student", lab, answers))
        slowest = sorted(verdicts, key=lambda found: -found.seconds)[:2]
        spent = ", ".join(f"{found.check.removeprefix('test_')} {found.seconds:.1f} s" for found in slowest)
        measured = (
            f"visible {verdict:.2f} s; grading {together:.2f} s a submission, {alone:.2f} s for one alone ({spent})"
        )
        yield Row(f"{backend}: {lab.name}", measured, f"<= {GOAL:g} s, both", max(alone, together) <= GOAL)


def _visible(backend: Backend, lab: course.Lab, answers: dict[str, str]) -> float:
    """Seconds of all visible checks."""
    with CheckerProcess("learner", backend) as checker:
        checker.check(lab, answers)
        started = time.perf_counter()
        checker.check(lab, answers)
        return time.perf_counter() - started


def _graded(backend: Backend, work: Work) -> tuple[float, float, list[Verdict]]:
    """Seconds of one submission alone, and of each where all cores grade; the verdicts."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(backend)) for _ in range(CORES)]
        threads = stack.enter_context(ThreadPoolExecutor(CORES))
        list(threads.map(lambda worker: worker.judge(work), workers))
        alone = workers[0].judge(work)
        started = time.perf_counter()
        list(threads.map(lambda worker: [worker.judge(work) for _ in range(EACH)], workers))
        together = (time.perf_counter() - started) / (CORES * EACH)
        assert not alone.fault
        return alone.seconds, together, alone.verdicts
