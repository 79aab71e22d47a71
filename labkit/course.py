"""Where the course lies, and the labs in it, read from the exercises' own metadata (fast: only JSON is parsed)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SECTIONS = {
    "91-databases": "Databases and migrations",
    "92-containers": "Containers and Kubernetes",
    "93-mlops": "MLOps",
    "94-serverless": "Serverless",
    "95-websockets": "WebSockets",
}


class CourseError(Exception):
    """Something about the course's files is not as it must be; the message says what, why and the next step."""


@dataclass(frozen=True)
class Lab:
    """One lab, as its exercise's metadata describes it.

    `answers` maps each answer's name to its kind ("sql", "alembic"), in the order of the notebook; `points` maps it to
    what it is worth in all, `visible` to the part that the learner's own checks can earn.
    """

    section: str
    name: str
    title: str
    covers: str
    minutes: int
    needs: tuple[str, ...]
    after: tuple[str, ...]
    objectives: tuple[str, ...]
    answers: dict[str, str]
    points: dict[str, float]
    visible: dict[str, float]

    @property
    def key(self) -> str:
        """The lab's name in commands and files: `section/name`."""
        return f"{self.section}/{self.name}"

    @property
    def exercise(self) -> Path:
        """The exercise's path, relative to the course's root."""
        return Path("exercises", self.section, f"{self.name}.ipynb")

    def metadata(self) -> dict[str, Any]:
        """What an exercise's notebook carries as `metadata.lab`. Answers are a list there, as a notebook's keys are sorted."""
        data: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }
        data["answers"] = [
            {"name": name, "kind": kind, "points": data["points"][name], "visible": data["visible"][name]}
            for name, kind in self.answers.items()
        ]
        return {name: value for name, value in data.items() if name not in ("points", "visible")}

    @classmethod
    def from_metadata(cls, data: dict[str, Any]) -> Lab:
        """The inverse of `metadata`. Raises TypeError or KeyError when a field is missing or unknown."""
        answers = data["answers"]
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        fields["answers"] = {answer["name"]: answer["kind"] for answer in answers}
        for worth in ("points", "visible"):
            fields[worth] = {answer["name"]: answer[worth] for answer in answers}
        return cls(**fields)


@cache
def root() -> Path:
    """The course's folder: `LABKIT_COURSE`, else the nearest folder above here with exercises/ and graders/, else
    the one that this library lies in. Raises CourseError when there is none."""
    here, library = Path.cwd(), Path(__file__).resolve().parent
    for candidate in [os.environ.get("LABKIT_COURSE"), here, *here.parents, library.parent]:
        if candidate and (Path(candidate) / "exercises").is_dir() and (Path(candidate) / "graders").is_dir():
            return Path(candidate).resolve()
    raise CourseError(
        f"No course here: {here} has no exercises/ and graders/ above it. Change into the course's folder."
    )


def labs(section: str = "") -> list[Lab]:
    """All labs, or one section's, by section and part of the course, then by prerequisites and name."""
    paths = sorted((root() / "exercises").glob(f"{section or '*'}/*.ipynb"))
    found = {lab.key: lab for path in paths if (lab := _lab_in(path))}
    return sorted(found.values(), key=lambda lab: (lab.section, lab.covers, _depth(lab, found), lab.name))


def _lab_in(path: Path) -> Lab | None:
    """What an exercise says of its lab; None where it is another kind of notebook."""
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return Lab.from_metadata(metadata["lab"]) if "lab" in metadata else None


def _depth(lab: Lab, known: dict[str, Lab], seen: frozenset[str] = frozenset()) -> int:
    """How many labs come before this one on the longest chain of `after`."""
    before = [known[f"{lab.section}/{name}"] for name in lab.after if f"{lab.section}/{name}" in known]
    return 1 + max((_depth(b, known, seen | {lab.key}) for b in before if b.key not in seen), default=-1)


def find(name: str) -> Lab:
    """The lab called `section/name`, or just `name` where that is unique. Raises CourseError with the near names."""
    exercise = root() / "exercises" / f"{name}.ipynb"
    if exercise.is_file() and (lab := _lab_in(exercise)) and lab.key == name:
        return lab
    known = labs()
    matches = [lab for lab in known if name in (lab.key, lab.name)]
    if len(matches) == 1:
        return matches[0]
    raise CourseError(f"No lab is called {name!r}. The labs are: {', '.join(lab.key for lab in known)}.")
