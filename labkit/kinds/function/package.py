"""What is deployed beside a handler: the files of the lab's package, made from a seed."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit import course
from labkit.course import CourseError

SEED = 7  # of the package that a learner works with, and the visible checks


def package(key: str, seed: int = SEED) -> dict[str, str]:
    """The files (path -> text) of a lab's package: what `files(seed)` in `graders/<section>/<lab>/package.py` gives; none without one.

    Raises CourseError.
    """
    if not (told := _told(key)):
        return {}
    try:
        return told["files"](seed)
    except KeyError:
        raise CourseError(
            f"{_file(key)} defines no function files(seed). Write one that returns path -> text."
        ) from None


def examples(key: str) -> dict[str, object]:
    """The events that an answer's cell is shown with (name -> event): EXAMPLES of the same file."""
    return _told(key).get("EXAMPLES", {})


def is_postgres_limit(key: str) -> bool:
    """Whether Postgres itself says to a learner's functions that there are too many connections: POSTGRES_LIMIT of the same file."""
    return bool(_told(key).get("POSTGRES_LIMIT"))


@dataclass(frozen=True)
class Part:
    """An answer that is one module of a function: its file; and where it is no handler, what is run, and the requests that it is shown with."""

    file: str
    program: str = ""
    examples: dict[str, Any] = field(default_factory=dict)


def parts(key: str) -> dict[str, Part]:
    """The answers that are deployed together (answer -> part): PARTS of the same file; none where each is a function of its own."""
    return {name: Part(**part) for name, part in _told(key).get("PARTS", {}).items()}


def texts(key: str, answers: Mapping[str, str]) -> dict[str, str]:
    """The files (path -> text) of the parts that have an answer."""
    return {part.file: answers[name] for name, part in parts(key).items() if name in answers}


def _file(key: str) -> Path:
    return course.root() / "graders" / key / "package.py"


def _told(key: str) -> dict[str, Any]:
    """What the lab's file defines; nothing without one."""
    path = _file(key)
    return runpy.run_path(str(path)) if path.is_file() else {}
