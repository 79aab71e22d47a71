"""Answers that are functions on the function platform; and for a lab's own cells: functions of one's own, and pictures of what they did.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.course import CourseError
from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.sandbox.traffic import Counts
    from labkit.services.functions.client import FunctionHandle

__all__ = [
    "deploy",
    "deploy_files",
    "deploy_text",
    "deployed",
    "function",
    "show_imports",
    "show_reports",
    "show_time_line",
    "traffic",
]


def deploy(name: str, handler: str = "handler.handler", **settings: Any) -> FunctionHandle:
    """Deploys a function of the lab's own package (`handler` is module.function) into your function space.

    Settings are those of `labkit.services.functions.settings`, for example `memory=256`. Raises CourseError, ServiceFault.
    """
    from labkit.kinds.function.package import package

    return deploy_files(name, package(current().lab.key), handler=handler, **settings)


def deploy_files(name: str, files: dict[str, str], **settings: Any) -> FunctionHandle:
    """Deploys files (path -> text), for a function that is shown without a cell of its own. Raises CourseError, ServiceFault."""
    from labkit.kinds.function.outside import reached
    from labkit.services.functions.settings import Settings

    lab = current()
    return lab.place("functions").deploy(name, files, reached(lab, Settings(**settings)))


def deploy_text(name: str, text: str, **settings: Any) -> FunctionHandle:
    """Deploys a module's text, whose function `handler` gets the events. Raises CourseError, ServiceFault."""
    made = deploy_files(name, {"handler.py": text}, **settings)
    current().kept[f"function {name}"] = made
    return made


def function(name: str) -> FunctionHandle:
    """The function that a cell `%%function NAME` deployed. Raises CourseError."""
    if found := current().kept.get(f"function {name}"):
        return found
    raise CourseError(f"There is no function {name!r} yet. Run its cell, %%function {name}, first.")


def deployed(answer: str) -> FunctionHandle | None:
    """The function that an answer's cell deployed the last time; None before, and where it answered none of its first events."""
    return current().kept.get(answer)


def traffic() -> Counts:
    """What went between the lab's functions and its database until now: connections, round trips, rows. Subtract two of them."""
    from labkit.kinds.function.outside import way_out

    return way_out(current()).traffic()


def show_reports(*results: Any) -> None:
    """Shows what invocations came to, one row each."""
    from labkit.kinds.function.reports import page
    from labkit.pages.page import show

    show(page(list(results)))


def show_time_line(function: FunctionHandle, title: str = "") -> None:
    """Shows what a function's instances did and when: one row an instance, and the bill."""
    from labkit.kinds.function import time_line

    time_line.show_time_line(function, title)


def show_imports(functions: dict[str, FunctionHandle | None], event: Any, title: str) -> None:
    """Shows what new instances of functions import until they have answered an event; `title` may hold {ms}, of the last one."""
    from labkit.kinds.function import import_picture

    import_picture.show_imports(functions, event, title)
