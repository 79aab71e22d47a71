"""Marks while the last ones are still judged.

It begins when a worker can be spared: nbgrader then takes that worker's core and memory. So a run has neither more processes than
cores nor more memory than its workers need, and ends as soon as if marking had begun with the first verdict.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from rich.console import Console
from rich.progress import track

from labkit.grading import gradebook_lock, nbgrader_run
from labkit.grading.engine import Judged
from labkit.grading.work_order import Work

LOADING, EACH = 1.0, 0.045  # seconds to import nbgrader, and to mark a student, on an idle core


class Marking:
    """The one writer of a run."""

    def __init__(self, section: str, work: list[Work]) -> None:
        self.section = section
        self._background = ThreadPoolExecutor(1)
        self._loading: Future[None] | None = None
        self._unjudged = collections.Counter(item.student for item in work)
        self._faulty: set[str] = set()
        self._ready: collections.deque[str] = collections.deque()
        self._marker: nbgrader_run.Marker | None = None
        self._failed = False

    def unmark(self, judged: Judged) -> None:
        """Lets the student count as not marked, until the new verdict is in the gradebook."""
        if not judged.fault:
            nbgrader_run.unmark(judged.work.student, self.section)

    def mark(self, judged: Judged) -> None:
        """Notes a verdict; marks whoever has all of theirs. A student with a fault of the course gets no mark from this run."""
        student = judged.work.student
        self._unjudged[student] -= 1
        if judged.fault:
            self._faulty.add(student)
        if not self._unjudged[student] and student not in self._faulty:
            self._ready.append(student)
        if self._loading and self._loading.done():
            self._mark_those_ready(judged.seconds)

    def begin_if(self, spared: Callable[[float], bool]) -> None:
        """Begins, unless it has, if that is `spared` which it takes: the seconds that it is told."""
        if self._loading is None and spared(LOADING + EACH * len(self._unjudged)):
            self._loading = self._background.submit(nbgrader_run.load)

    def finish(self, students: list[str], console: Console) -> bool:
        """Marks all others of these who are not marked yet, as far as they can be. Returns whether all went well."""
        gradebook_lock.wait_until_free(console)
        marker = self._opened()
        waiting = [student for student in students if student not in self._faulty and not marker.is_marked(student)]
        for student in track(waiting, "Marking", console=console, transient=True):
            self._failed = not marker.mark(student) or self._failed
        return not self._failed

    def close(self) -> None:
        """Closes the gradebook; what was not committed is taken back."""
        if self._marker:
            self._marker.close()
            self._marker = None
        self._background.shutdown()

    def _mark_those_ready(self, seconds: float) -> None:
        """For as long as the next verdict may take, so that it does not wait to be kept; and not while the gradebook is locked."""
        until = time.monotonic() + seconds
        while self._ready and time.monotonic() < until and gradebook_lock.is_free():
            self._failed = not self._opened().mark(self._ready.popleft()) or self._failed

    def _opened(self) -> nbgrader_run.Marker:
        if self._marker is None:
            self.begin_if(lambda _: True)
            assert self._loading
            self._loading.result()
            self._marker = nbgrader_run.Marker(self.section)
        return self._marker
