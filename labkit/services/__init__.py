"""The services that labs need. This table is the one place that names them; each is a folder here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labkit.course import CourseError

if TYPE_CHECKING:
    from labkit.services.service import Service

SERVICES = (
    "postgres",
    "functions",
    "images",
    "cluster",
    "mlflow",
)
TOOLS = ("flyway", "golang_migrate")  # programs that work on a service; each has a `doctor()`


def named(name: str) -> Service:
    """The service called `name`. Raises CourseError when there is none."""
    if name not in SERVICES:
        raise CourseError(
            f"This copy of the course has no service {name!r}; it has {', '.join(SERVICES)}. Get the newest copy."
        )
    return importlib.import_module(f"{__name__}.{name}.service").SERVICE


def services() -> Iterator[Service]:
    """All of them."""
    return map(named, SERVICES)


def tool(name: str) -> Any:
    """The package of a tool."""
    return importlib.import_module(f"{__name__}.{name}")
