"""Marks while others are still judged: a student's marks are written as soon as all of their notebooks have verdicts."""

from __future__ import annotations

import collections
from concurrent.futures import Future

from rich.console import Console
from rich.progress import track

from labkit.grading import gradebook_lock, nbgrader_run
from labkit.grading.engine import Judged
from labkit.grading.work_order import Work


class Marking:
    """The one writer of a run. `loading` is done when nbgrader is imported; what is judged before that waits for it."""

    def __init__(self, section: str, work: list[Work], loading: Future[None]) -> None:
        self.section, self._loading = section, loading
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
        if self._loading.done():
            self._mark_those_ready()

    def finish(self, students: list[str], console: Console) -> bool:
        """Marks all others of these who are not marked yet, as far as they can be. Returns whether all went well."""
        gradebook_lock.wait_until_free(console)
        self._mark_those_ready()
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

    def _mark_those_ready(self) -> None:
        while self._ready and gradebook_lock.is_free():  # else later, so that nobody waits for it who judges
            self._failed = not self._opened().mark(self._ready.popleft()) or self._failed

    def _opened(self) -> nbgrader_run.Marker:
        if self._marker is None:
            self._loading.result()
            self._marker = nbgrader_run.Marker(self.section)
        return self._marker
