"""A lab's hidden checks and their data: open in the author's and the examiner's checkout, sealed in a copy for learners, not in one for an exam."""

from __future__ import annotations

from pathlib import Path

from labkit.course import sealed
from labkit.course.lab import CourseError, Lab, root

NOT_CHECKS = ("wrong", "right", "__pycache__")  # what lies beside them


def folder(lab: Lab) -> Path:
    """Where they lie when they are open."""
    return root() / "graders" / "hidden" / lab.section / lab.name


def checks_name(lab: Lab) -> str:
    """The name of the module with the checks."""
    return f"test_{lab.name.replace('-', '_')}_hidden.py"


def is_open(lab: Lab) -> bool:
    """Whether they are here as files."""
    return (folder(lab) / checks_name(lab)).exists()


def is_here(lab: Lab) -> bool:
    """Whether they can be run here."""
    return is_open(lab) or sealed.checks_path(root(), lab.section, lab.name).exists()


def files(lab: Lab) -> dict[str, str]:
    """The texts of the checks and of all that lies with them, by path within the folder. None are here in a copy for an exam."""
    if not is_open(lab):
        return sealed.read_checks(lab)
    found = sorted(path for path in folder(lab).rglob("*") if path.is_file())
    inside = [path.relative_to(folder(lab)) for path in found]
    return {
        path.as_posix(): (folder(lab) / path).read_text(encoding="utf-8")
        for path in inside
        if path.parts[0] not in NOT_CHECKS and path.suffix != ".pyc"
    }


def text(lab: Lab, name: str) -> str:
    """One of these files, e.g. `data.sql`. Whoever reads hidden data reads it here. Raises CourseError when it is not here."""
    found = files(lab)
    if name not in found:
        raise CourseError(f"The hidden {name} of {lab.key} is not here. Get the whole course again.")
    return found[name]


def points(lab: Lab) -> dict[str, float]:
    """What each answer can earn here: all of its points where the hidden checks are, else those of the visible ones."""
    return lab.points if is_here(lab) else lab.visible


def judged_later(lab: Lab, answer: str = "") -> float:
    """The points of a lab, or of one answer, that are given only when it is handed in."""
    here = points(lab)
    return sum(lab.points[name] - here[name] for name in lab.points if answer in ("", name))


def worth(lab: Lab) -> str:
    """For people: `12 points`, or `7 points, and 5 judged later`."""
    here, later = sum(points(lab).values()), judged_later(lab)
    return f"{here:g} {'point' if here == 1 else 'points'}" + (f", and {later:g} judged later" if later else "")
