"""Marks while the last ones are still judged, in a thread: a student's marks are written once all of their notebooks have verdicts.

It begins when a worker can be spared: nbgrader then takes that worker's core and memory. So a run has no more processes than cores,
needs no more memory than its workers do, and ends as soon as if marking had begun with the first verdict.
"""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable
from contextlib import closing

from rich.console import Console
from rich.progress import Progress

from labkit.gradebook import gradebook_lock, nbgrader_run, place
from labkit.grading.engine import Judged
from labkit.grading.work_order import Work

LOADING, EACH = 1.5, 0.06  # seconds to import nbgrader, and to mark a student for the first time, beside a worker
LOOK = 0.1  # seconds between two looks at how far it is


class Marking:
    """The one writer of a run. A context manager, by `contextlib.closing`."""

    def __init__(self, section: str, work: list[Work], students: list[str], console: Console) -> None:
        self.section, self.students, self.console = section, students, console
        self._unjudged = collections.Counter(item.student for item in work)
        self._faulty: set[str] = set()
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._stopped = False
        self._marked: set[str] = set()
        self._failed: set[str] = set()
        self.why: dict[str, str] = {}  # who could not be marked, and why
        self._error: Exception | None = None

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
            self._ready.put(student)

    def begin_when(self, spared: Callable[[float, Callable[[], object]], object]) -> None:
        """Begins, unless it has, when `spared` calls back, which is told the seconds that it takes."""
        if not self._thread.ident:
            spared(LOADING + EACH * len(self._unjudged), self._begin)

    def _begin(self) -> None:
        if not self._thread.ident:
            self._thread.start()

    def finish(self) -> bool:
        """Marks all students who are not marked yet, as far as they can be. Returns whether all went well.

        Raises GradebookLocked, and what the disk or the gradebook raised.
        """
        self._begin()
        self._ready.put(None)
        with Progress(console=self.console, transient=True) as progress:
            task = progress.add_task("Marking", total=len(self.students) - len(self._faulty))
            while self._thread.is_alive():
                progress.update(task, completed=len(self._marked))
                self._thread.join(LOOK)
        if self._error:
            raise self._error
        return not self._failed

    def close(self) -> None:
        """Stops it after the student in hand, if it has not come to its end."""
        self._stopped = True
        if self._thread.ident:
            self._ready.put(None)
            self._thread.join()

    def _write(self) -> None:
        try:
            nbgrader_run.load()
            with place.trouble_told(), closing(nbgrader_run.Marker(self.section)) as marker:
                while not self._stopped and (student := self._ready.get()):
                    if gradebook_lock.is_free():  # else later: it need not be waited for yet
                        self._mark(marker, student)
                if not self._stopped:
                    self._mark_the_others(marker)
        except Exception as error:
            self._error = error

    def _mark_the_others(self, marker: nbgrader_run.Marker) -> None:
        gradebook_lock.wait_until_free(self.console)
        for student in self.students:
            if self._stopped:
                return
            if student in self._faulty or student in self._marked:
                continue
            if marker.is_marked(student):
                self._marked.add(student)
            else:
                self._mark(marker, student)

    def _mark(self, marker: nbgrader_run.Marker, student: str) -> None:
        if marker.mark(student):
            self._marked.add(student)
            self._failed.discard(student)
            self.why.pop(student, None)
        else:
            self._failed.add(student)
            self.why[student] = marker.why.get(student, "")
