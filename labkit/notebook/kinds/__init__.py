"""The kinds of answers: what running one does besides checking it. Each kind is the module here with its name.

A kind's module has the function of `Kind`: it does the natural thing with the answer and says what happened; a mistake
of the answer is part of the page. It raises ServiceFault where the course is to blame.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from labkit.course import CourseError

if TYPE_CHECKING:
    from labkit.notebook.page import Page
    from labkit.notebook.session import Session


class Kind(Protocol):
    """What a kind's module offers."""

    def run(self, text: str, session: Session, name: str) -> Page:
        """Does the natural thing with the answer called `name`."""
        ...


def kind(name: str) -> Kind:
    """The kind called `name`. Raises CourseError when there is none."""
    try:
        return cast(Kind, importlib.import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as error:
        raise CourseError(
            f"This copy of the course cannot run answers of kind {name!r}. Update it with `make env`."
        ) from error


def redo(session: Session, names: list[str]) -> None:
    """Does these answers once more, in this order, after the database was reset; shows nothing."""
    for name in names:
        kind(session.lab.answers[name]).run(session.answers[name], session, name)
