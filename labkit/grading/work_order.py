"""Who judges what next: answers alike go to the same worker, one after the other.

A checker keeps the databases on which an answer's text ran (`prepared`), so whoever judges the same text next has one already.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from labkit import course

Alike = tuple[str, str]  # a lab, and the text of its first answer: what the other answers build on


@dataclass(frozen=True)
class Work:
    """One submitted notebook to judge."""

    student: str
    lab: course.Lab
    answers: dict[str, str] = field(hash=False)

    @property
    def alike(self) -> Alike:
        """What it has in common with others that are best judged together."""
        return self.lab.key, self.answers.get(next(iter(self.lab.answers)), "")


class WorkOrder:
    """All work of a run, from which each worker takes its next; any thread may ask."""

    def __init__(self, work: Iterable[Work]) -> None:
        self._lock = threading.Lock()
        self._begun: set[Alike] = set()
        self._groups: dict[Alike, deque[Work]] = {}
        for item in work:
            self._groups.setdefault(item.alike, deque()).append(item)

    def __len__(self) -> int:
        """How many nobody has taken yet."""
        return sum(map(len, self._groups.values()))

    def take(self, last: Work | None = None) -> Work | None:
        """For who judged `last`: one like it, else one like which nobody has begun, else any. None when all are taken."""
        with self._lock:
            alike = last.alike if last and last.alike in self._groups else self._largest()
            if alike is None:
                return None
            self._begun.add(alike)
            item = self._groups[alike].popleft()
            if not self._groups[alike]:
                del self._groups[alike]
            return item

    def _largest(self) -> Alike | None:
        groups = self._groups
        return max(groups, key=lambda alike: (alike not in self._begun, len(groups[alike])), default=None)
