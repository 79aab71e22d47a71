"""What travels with the learner's copy sealed: solutions, hidden checks, and what is told after a pass. Against meeting them by accident, not against wanting to."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

from labkit.course.lab import CourseError, Lab, root

Texts = dict[str, str]


def path(copy: Path, section: str, name: str) -> Path:
    """Where the solutions of a lab lie in a learner's copy."""
    return copy / "graders" / "sealed" / section / name


def checks_path(copy: Path, section: str, name: str) -> Path:
    """Where its hidden checks lie there, with their data."""
    return copy / "graders" / "sealed" / section / f"{name}.checks"


def debrief_path(copy: Path, section: str, name: str) -> Path:
    """Where the material of its debrief lies there."""
    return copy / "graders" / "sealed" / section / f"{name}.debrief"


def write(copy: Path, section: str, name: str, solutions: Texts, checks: Texts, debrief: Texts) -> None:
    """Seals the solutions, by the names of their answers, and the hidden checks and the debrief, by the names of their files."""
    sealed = ((path, solutions), (checks_path, checks), (debrief_path, debrief))
    for place, texts in sealed:
        target = place(copy, section, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b85encode(zlib.compress(json.dumps(texts).encode(), 9)))


def read(lab: Lab) -> Texts:
    """The solutions of a lab by the names of their answers; none where the copy was made for an assessment."""
    return _opened(path(root(), lab.section, lab.name))


def read_checks(lab: Lab) -> Texts:
    """The hidden checks of a lab by the names of their files; none where the copy was made for an assessment."""
    return _opened(checks_path(root(), lab.section, lab.name))


def read_debrief(lab: Lab) -> Texts:
    """The material of a lab's debrief by the names of its files; none where the copy was made for an assessment."""
    return _opened(debrief_path(root(), lab.section, lab.name))


def _opened(file: Path) -> Texts:
    """Raises CourseError where the file is not what was sealed; line ends that an editor or a checkout added are no matter."""
    if not file.exists():
        return {}
    try:
        return json.loads(zlib.decompress(base64.b85decode(b"".join(file.read_bytes().split()))))
    except (OSError, ValueError, zlib.error) as error:
        name = file.relative_to(root())
        raise CourseError(f"{name} is damaged. Get this file again, from where you have the course.") from error
