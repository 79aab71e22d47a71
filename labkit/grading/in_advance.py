"""What takes long to start for the hidden checks, begun while the visible ones are at theirs: a core is idle then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

from labkit.services.postgres import Database, Template

Make = Callable[[Database], AbstractContextManager[Any]]
Entered = tuple[ExitStack, Any]  # what to close, and what was made


class InAdvance:
    """Makes something on a database of its own, and the same on the template whose turn is next."""

    def __init__(self, clone: Callable[[Template], Database]) -> None:
        self._clone = clone
        self._begun: dict[Template, Future[Entered]] = {}
        self._thread = ThreadPoolExecutor(1, "in-advance")  # it starts with the first use

    @contextmanager
    def entered(self, template: Template, make: Make, following: Template | None) -> Iterator[Any]:
        """What `make(database)` gives when it is entered. Raises what that raises, also when it was begun in advance."""
        begun = self._begun.pop(template, None)
        stack, made = begun.result() if begun else self._enter(template, make)
        with stack:
            if following:
                self._begun[following] = self._thread.submit(self._enter, following, make)
            yield made

    def end(self) -> None:
        """Gives back what was begun and not asked for."""
        while self._begun:
            with suppress(Exception):  # which nobody has met: whatever failed, no check needed it
                self._begun.popitem()[1].result()[0].close()

    def _enter(self, template: Template, make: Make) -> Entered:
        with ExitStack() as stack:
            database = stack.enter_context(self._clone(template))
            made = stack.enter_context(make(database))
            return stack.pop_all(), made
