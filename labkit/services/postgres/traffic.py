"""People who use a database while something else happens to it: each in a thread and with sessions of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import psycopg


@dataclass(frozen=True)
class Request:
    """One visit: when it began (seconds since the traffic began), how long it took, and the error that it met."""

    at: float
    seconds: float
    error: str = ""


class Traffic:
    """While the context lasts, `people` threads call `visit(person, turn)` again and again, `pause` seconds apart.

    An error of Postgres is a failed request; any other one ends the traffic, and is raised at the end.
    """

    def __init__(self, visit: Callable[[int, int], Any], *, people: int = 2, pause: float = 0.003) -> None:
        self.requests: list[Request] = []
        self._visit, self._pause = visit, pause
        self._over = threading.Event()
        self._answered = threading.Condition()
        self._broken: Exception | None = None
        self._threads = [threading.Thread(target=self._use, args=[number], daemon=True) for number in range(people)]

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._broken and kind is None:
            raise self._broken

    @property
    def longest(self) -> float:
        """Seconds of the longest request."""
        return max((request.seconds for request in self.requests), default=0.0)

    def wait(self, count: int, seconds: float = 20.0) -> None:
        """Waits until `count` more requests are answered. Raises TimeoutError."""
        with self._answered:
            goal = len(self.requests) + count
            if not self._answered.wait_for(lambda: self._broken or len(self.requests) >= goal, seconds):
                raise TimeoutError(f"{count} requests were not answered in {seconds:g} s.")

    def _use(self, person: int) -> None:
        turn = 0
        while not self._over.wait(self._pause):
            started, error = time.monotonic(), ""
            try:
                self._visit(person, turn)
            except psycopg.Error as failed:
                error = f"{type(failed).__name__}: {failed}".strip()
            except Exception as broken:
                with self._answered:
                    self._broken = broken
                    self._answered.notify_all()
                return
            with self._answered:
                self.requests.append(Request(started - self.began, time.monotonic() - started, error))
                self._answered.notify_all()
            turn += 1
