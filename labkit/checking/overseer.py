"""One bound on all checks of a lab together, in time and in memory, kept from beside them.

What an answer made may be slow, or large, only when a check reads it: a view that sleeps, ten million rows. A thread looks at the clock and at
this process; past a bound it ends what answers are at, and the check with it.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Self

import psutil

from labkit import course, kinds
from labkit.services.service import Bench

LOOK = 0.1  # seconds between two looks
AGAIN = 5.0  # seconds until a check that goes on all the same is stopped once more
LARGEST = 512 * 2**20  # bytes that the checks of a lab may add to this process; the most was seen to be 60 MB
ALL = 3 * 2**30  # bytes of memory of this process, whatever it is at: what wants more gets a MemoryError
LONGEST = 840.0  # seconds, for any lab: the other end of the checker waits for no longer than 900 s
BASE = 120.0


@dataclass(frozen=True)
class Bounds:
    """What the checks of one lab may take in all."""

    seconds: float
    bytes: int = LARGEST


class Stopped(BaseException):
    """A check took too long, or too much memory, and was stopped. No `except Exception` of a check catches it."""


class Overseer:
    """Watches the checks of one lab. A context manager; `stopped` says what was exceeded, once something was."""

    def __init__(self, bounds: Bounds, benches: Callable[[], Iterable[Bench]]) -> None:
        self.stopped = ""
        self._bounds, self._benches = bounds, benches
        self._done, self._at_work = threading.Event(), False
        self._until = time.monotonic() + bounds.seconds
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGALRM, self._raise)
        self._bytes = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        signal.signal(signal.SIGALRM, self._before)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While a check runs: only then is anything stopped."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    def _watch(self) -> None:
        pause = LOOK
        while not self._done.wait(pause):
            if self._at_work:
                self.stopped = self.stopped or self._exceeded()
            pause = AGAIN if self.stopped else LOOK
            if self.stopped and self._at_work:
                for bench in self._benches():
                    bench.interrupt()
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def _exceeded(self) -> str:
        if time.monotonic() > self._until:
            return f"took over {self._bounds.seconds:.0f} s in all"
        if self._process.memory_info().rss - self._bytes > self._bounds.bytes:
            return f"had to read over {self._bounds.bytes / 2**20:.0f} MB"
        return ""

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        if self._at_work:
            raise Stopped(self.stopped)


def bounds(lab: course.Lab) -> Bounds:
    """Generous: twice as long as the slowest answer may run, and two minutes besides. On two idle cores no lab's checks need a sixth of it."""
    slowest = max(kinds.named(kind).seconds for kind in lab.answers.values())
    return Bounds(min(BASE + 2 * slowest, LONGEST), LARGEST)


def limit_memory() -> None:
    """Bounds this process itself; a keeper takes the bound off for what it keeps."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (ALL if most == resource.RLIM_INFINITY else min(ALL, most), most))
