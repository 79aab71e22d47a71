"""Solutions that travel with the learner's copy: sealed against meeting one by accident, not against wanting to."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

from labkit import course


def path(root: Path, section: str, name: str) -> Path:
    """Where the solutions of a lab lie in a learner's copy."""
    return root / "graders" / "sealed" / section / name


def write(root: Path, section: str, name: str, solutions: dict[str, str]) -> None:
    """Seals the solutions, by the names of their answers."""
    target = path(root, section, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(base64.b85encode(zlib.compress(json.dumps(solutions).encode(), 9)))


def read(lab: course.Lab) -> dict[str, str]:
    """The solutions of a lab by the names of their answers; none where the copy was made for an assessment."""
    sealed = path(course.root(), lab.section, lab.name)
    return json.loads(zlib.decompress(base64.b85decode(sealed.read_bytes()))) if sealed.exists() else {}
