"""Who judges what next: answers alike go to the same worker, one after the other.

A checker keeps the databases on which an answer's text ran (`prepared`), so whoever judges the same text next has one already.
"""

from __future__ import annotations

import math
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
    only: tuple[str, ...] = ()  # the answers whose checks are wanted; all, where none is named

    @property
    def judged(self) -> frozenset[str]:
        """The names of the answers that there must be verdicts on."""
        return frozenset(self.only or self.lab.answers)

    @property
    def alike(self) -> Alike:
        """What it has in common with others that are best judged together."""
        return self.lab.key, self.answers.get(next(iter(self.lab.answers)), "")


@dataclass
class Spent:
    """Seconds of so many judgements."""

    count: int = 0
    seconds: float = 0.0

    def left(self, count: int) -> float:
        """The seconds that so many more will take; without end where none is known."""
        if not count:
            return 0.0
        return count * self.seconds / self.count if self.count else math.inf


class WorkOrder:
    """All work of a run, from which each worker takes its next; any thread may ask."""

    def __init__(self, work: Iterable[Work]) -> None:
        self._lock = threading.Lock()
        self._first, self._again = Spent(), Spent()  # a worker's first of its kind, and what it judged after one alike
        self._groups: dict[Alike, deque[Work]] = {}
        for item in work:
            self._groups.setdefault(item.alike, deque()).append(item)
        self._left = sum(map(len, self._groups.values()))
        fresh = sorted(self._groups.items(), key=lambda group: len(group[1]), reverse=True)
        self._fresh = deque(alike for alike, _ in fresh)  # those that nobody has begun, the largest first

    def __len__(self) -> int:
        """How many nobody has taken yet."""
        return self._left

    def take(self, last: Work | None = None) -> Work | None:
        """For who judged `last`: one like it, else one like which nobody has begun, else any. None when all are taken."""
        with self._lock:
            alike = last.alike if last and last.alike in self._groups else self._largest()
            if alike is None:
                return None
            self._left -= 1
            item = self._groups[alike].popleft()
            if not self._groups[alike]:
                del self._groups[alike]
            return item

    def take_alike(self, last: Work, most: int) -> list[Work]:
        """Up to so many more that are like `last`."""
        with self._lock:
            group = self._groups.get(last.alike, deque())
            taken = [group.popleft() for _ in range(min(most, len(group)))]
            self._left -= len(taken)
            if not group:
                self._groups.pop(last.alike, None)
            return taken

    def took(self, seconds: float, item: Work, last: Work | None) -> None:
        """Notes how long a worker took for `item`, after `last`. With its very first it brought its services up: that says nothing."""
        if last:
            with self._lock:
                spent = self._again if item.alike == last.alike else self._first
                spent.count, spent.seconds = spent.count + 1, spent.seconds + seconds

    def goes_on(self, last: Work | None) -> bool:
        """Whether more like `last` is left, which another worker would have to begin anew, and others have enough besides."""
        with self._lock:
            alike = len(self._groups.get(last.alike, ())) if last else 0
        return bool(alike) and 2 * self._again.left(alike) < self.seconds_left()

    def seconds_left(self) -> float:
        """How long one worker would be at what nobody has taken yet, as far as it is known."""
        with self._lock:
            firsts = len(self._fresh)
            return self._first.left(firsts) + self._again.left(len(self) - firsts)

    def _largest(self) -> Alike | None:
        """Of those that nobody has begun, else of the others, which are few: each has a worker that is at it, or was called away."""
        if self._fresh:
            return self._fresh.popleft()
        return max(self._groups, key=lambda alike: len(self._groups[alike]), default=None)
