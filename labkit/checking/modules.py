"""Where a lab's check modules and solutions are found."""

from __future__ import annotations

import sys
from pathlib import Path

from labkit import course, source
from labkit.course import hidden as hidden_checks
from labkit.course import sealed


def check_file(lab: course.Lab, hidden: bool) -> Path:
    """The pytest module with the lab's visible or hidden checks."""
    if hidden:
        return hidden_checks.folder(lab) / hidden_checks.checks_name(lab)
    return course.root() / "graders" / lab.section / f"test_{lab.name.replace('-', '_')}.py"


def import_from(*folders: Path) -> None:
    """Lets check modules import from these folders: hidden checks use the fixtures of the visible ones.

    They come last: a file there that is called as one of Python's own modules must not take its place.
    """
    sys.path += [folder for folder in map(str, folders) if folder not in sys.path]


def solution(lab: course.Lab, answer: str) -> str:
    """The solution of one answer: from its source where there is one, else sealed in the learner's copy.

    Raises CourseError where there is neither (an assessment), or no such answer.
    """
    path = course.root() / "solutions" / lab.section / f"{lab.name}.md"
    solutions = source.read(path).solutions() if path.exists() else sealed.read(lab)
    if answer not in solutions:
        raise course.CourseError(f"{lab.key} has no solution of {answer!r} to show here.")
    return solutions[answer]
