"""What is deployed beside a handler: the files of the lab's package, made from a seed."""

from __future__ import annotations

import runpy

from labkit import course
from labkit.course import CourseError

SEED = 7  # of the package that a learner works with, and the visible checks


def package(key: str, seed: int = SEED) -> dict[str, str]:
    """The files (path -> text) of a lab's package: what `files(seed)` in `graders/<section>/<lab>/package.py` gives; none without one.

    Raises CourseError.
    """
    path = course.root() / "graders" / key / "package.py"
    if not path.is_file():
        return {}
    try:
        return runpy.run_path(str(path))["files"](seed)
    except KeyError:
        raise CourseError(f"{path} defines no function files(seed). Write one that returns path -> text.") from None


def examples(key: str) -> dict[str, object]:
    """The events that an answer's cell is shown with (name -> event): EXAMPLES of the same file."""
    path = course.root() / "graders" / key / "package.py"
    return runpy.run_path(str(path)).get("EXAMPLES", {}) if path.is_file() else {}
