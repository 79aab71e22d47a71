"""What a kind of answer sees of the lab that is open in this kernel. `notebook.session` has the lab itself, and says here which one it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from labkit.course import CourseError, Lab


class OpenLab(Protocol):
    """The open lab: its answers as they were last run, and its places in the services it needs."""

    lab: Lab
    answers: dict[str, str]
    kept: dict[str, Any]  # by answer: what running it left for the lab's pictures, e.g. a plan
    changed: set[str]  # answers that left something in a place
    failed: dict[str, str]  # by answer: why it failed when it was last run, in a line

    def place(self, service: str) -> Any:
        """The lab's own place in a service. Raises CourseError when the lab has none."""
        ...

    def running(self, service: str) -> Any:
        """The lease on a service. Raises CourseError when the lab has none."""
        ...

    def answer(self, name: str) -> str:
        """An answer's text as it was last run, else as it was last saved. Raises CourseError when there is none."""
        ...

    def known_answers(self) -> dict[str, str]:
        """Every answer's text, as `answer`."""
        ...

    def reset(self, *, undoable: bool = False) -> None:
        """Puts the places back to how the lab starts. Raises ServiceFault."""
        ...

    def show_fault(self, fault: Exception) -> None:
        """Shows a fault of the course, and the way to restart the service."""
        ...

    def changed_beside(self, name: str) -> tuple[list[str], list[str]]:
        """The answers above `name`, and those below it, that left something in a place."""
        ...


def _none() -> OpenLab:
    raise CourseError("No lab is open in this kernel. Run the notebook's first cell (%lab …) first.")


_current: Callable[[], OpenLab] = _none


def current() -> OpenLab:
    """The open lab. Raises CourseError when there is none."""
    return _current()


def is_told_by(source: Callable[[], OpenLab]) -> None:
    """From now on `source` says which lab is open."""
    global _current
    _current = source
