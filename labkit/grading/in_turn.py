"""What the visible checks work with, kept for the hidden ones, which have their turn next: a program starts once for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from labkit.services.postgres import Database, Template

Make = Callable[[Database, Any], AbstractContextManager[Any]]  # given what was made before, or None


class InTurn:
    """Makes something on a database of its own, and keeps it where others follow, who may make theirs from it."""

    def __init__(self, clone: Callable[[Template], Database]) -> None:
        self._clone = clone
        self._kept: tuple[ExitStack, Any] = (ExitStack(), None)

    @contextmanager
    def entered(self, template: Template, make: Make, *, others_follow: bool) -> Iterator[Any]:
        """What `make(database, before)` gives when it is entered; it is left when nobody follows, or with `end`."""
        stack, before = self._kept
        made = None
        try:
            database = stack.enter_context(self._clone(template))
            made = stack.enter_context(make(database, before))
            yield made
        finally:
            self._kept = (stack, made)
            if not others_follow:
                self.end()

    def end(self) -> None:
        """Gives back what was kept."""
        (stack, _), self._kept = self._kept, (ExitStack(), None)
        stack.close()
