"""The kinds of answers. This table is the one place that names them; each is a folder here:

kind.py          KIND: how long one may run, its limits, its stub, its service
in_notebook.py   run(text, session, name) -> Page: what running its cell does besides checking it
any other        how its checks give it to its service
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from labkit.course import CourseError, Lab

if TYPE_CHECKING:
    from labkit.kinds.kind import Kind
    from labkit.kinds.open_lab import OpenLab
    from labkit.pages.page import Page

KINDS = (
    "sql",
    "alembic",
    "python",
    "flyway",
    "flyway_commands",
    "migrate",
    "migrate_runbook",
    "dockerfile",
    "build_file",
    "manifest",
    "diagnosis",
    "model",
    "table",
    "function",
    "function_settings",
    "function_part",
    "server",
    "client",
)
MAGICS = (  # modules whose `Magics` come with `%load_ext labkit.notebook`
    "labkit.kinds.sql.magics",
    "labkit.kinds.dockerfile.magics",
    "labkit.kinds.manifest.magics",
    "labkit.kinds.function.magics",
)


class InNotebook(Protocol):
    """What a kind's module `in_notebook` offers."""

    def run(self, text: str, session: OpenLab, name: str) -> Page:
        """Does the natural thing with the answer called `name`, and says what happened; a mistake of the answer is part of the page.

        Raises ServiceFault where the course is to blame.
        """
        ...


def named(name: str) -> type[Kind]:
    """The kind called `name`. Raises CourseError when there is none."""
    return _module(name, "kind").KIND


def in_notebook(name: str) -> InNotebook:
    """What running an answer of this kind shows. Raises CourseError when there is no such kind."""
    return cast(InNotebook, _module(name, "in_notebook"))


def needs_sandbox(lab: Lab) -> bool:
    """Whether one of the lab's answers is a program. Raises CourseError for a kind that there is not."""
    return any(named(name).sandbox for name in lab.answers.values())


def redo(session: OpenLab, names: list[str]) -> None:
    """Does these answers once more, in this order, after the lab was reset; shows nothing.

    One that fails now is tried again the next time: the answer above that it needs may be back.
    """
    for name in names:
        in_notebook(session.lab.answers[name]).run(session.answers[name], session, name)
        session.changed.add(name)


def _module(name: str, part: str):
    if name not in KINDS:
        raise CourseError(
            f"This copy of the course knows no kind of answer {name!r}; it knows {', '.join(KINDS)}. Update it with `make env`."
        )
    return importlib.import_module(f"{__name__}.{name}.{part}")
