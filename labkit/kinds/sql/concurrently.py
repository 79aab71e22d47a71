"""Several people at once, for a demonstration."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def concurrently(count: int, do: Callable[[int], T]) -> list[T | Exception]:
    """Calls `do(0)` … `do(count - 1)`, each in a thread of its own, all at once.

    Returns what each gave back, or the exception that it raised, in their order.
    """

    def attempt(number: int) -> T | Exception:
        try:
            return do(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(attempt, range(count)))
