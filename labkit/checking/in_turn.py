"""What the visible checks work with, kept for the hidden ones, which have their turn next: a program starts once for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

Make = Callable[
    [ExitStack, Any], AbstractContextManager[Any]
]  # given what is left when it ends, and what was made before, or None


class InTurn:
    """Makes something, and keeps it where others follow, who may make theirs from it."""

    def __init__(self) -> None:
        self._kept: tuple[ExitStack, Any] = (ExitStack(), None)

    @contextmanager
    def entered(self, make: Make, *, others_follow: bool) -> Iterator[Any]:
        """What `make(stack, before)` gives when it is entered; it is left when nobody follows, or with `end`, and before what it put on the stack."""
        stack, before = self._kept
        made = None
        try:
            made = stack.enter_context(make(stack, before))
            yield made
        finally:
            self._kept = (stack, made)
            if not others_follow:
                self.end()

    def end(self) -> None:
        """Gives back what was kept."""
        (stack, _), self._kept = self._kept, (ExitStack(), None)
        stack.close()
