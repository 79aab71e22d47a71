"""Where the course lies, and the labs in it, read from the exercises' own metadata (fast: only JSON is parsed)."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
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


OF_ANSWERS = ("points", "visible", "given")  # fields of a lab that have an entry for each answer
LONGEST = 200  # characters of a name that is looked for: a file's name cannot have many more


class CourseError(Exception):
    """Something about the course's files is not as it must be; the message says what, why and the next step."""


@dataclass(frozen=True)
class Lab:
    """One lab, as its exercise's metadata describes it.

    `answers` maps each answer's name to its kind ("sql", "alembic"), in the order of the notebook; `points` maps it to
    what it is worth in all, `visible` to the part that the learner's own checks can earn, `given` to the text that stands in its cell at first.
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
    given: dict[str, str] = field(default_factory=dict)  # empty in an exercise that an older course made

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
            {"name": name, "kind": kind, **{of: data[of][name] for of in OF_ANSWERS if name in data[of]}}
            for name, kind in self.answers.items()
        ]
        return {name: value for name, value in data.items() if name not in OF_ANSWERS}

    @classmethod
    def from_metadata(cls, data: dict[str, Any]) -> Lab:
        """The inverse of `metadata`. Raises TypeError or KeyError when a field is missing or unknown."""
        answers = data["answers"]
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        fields["answers"] = {answer["name"]: answer["kind"] for answer in answers}
        for worth in ("points", "visible"):
            fields[worth] = {answer["name"]: answer[worth] for answer in answers}
        fields["given"] = {answer["name"]: answer["given"] for answer in answers if "given" in answer}
        return cls(**fields)


@cache
def root() -> Path:
    """The course's folder: `LABKIT_COURSE`, else the nearest folder above here with exercises/ and graders/, else
    the one that this library lies in. Raises CourseError when there is none."""
    here, library = Path.cwd(), Path(__file__).resolve().parents[1]
    for candidate in [os.environ.get("LABKIT_COURSE"), here, *here.parents, library.parent]:
        if candidate and (Path(candidate) / "exercises").is_dir() and (Path(candidate) / "graders").is_dir():
            return Path(candidate).resolve()
    raise CourseError(
        f"No course here: {here} has no exercises/ and graders/ above it. Change into the course's folder."
    )


def labs(section: str = "") -> list[Lab]:
    """All labs, or one section's, by section and part of the course, then by prerequisites and name; without those that are `unreadable`."""
    found = {}
    for path in sorted((root() / "exercises").glob(f"{section or '*'}/*.ipynb")):
        with contextlib.suppress(CourseError):
            if lab := _lab_in(path):
                found[lab.key] = lab
    return sorted(found.values(), key=lambda lab: (lab.section, lab.covers, _depth(lab, found), lab.name))


def unreadable(name: str = "") -> list[str]:
    """A line for each exercise that cannot be read, or for the one of this name: half a file costs that lab, and not the others."""
    lines = []
    for path in sorted((root() / "exercises").glob("*/*.ipynb")):
        try:
            _lab_in(path)
        except CourseError as error:
            if name in ("", path.stem, f"{path.parent.name}/{path.stem}"):
                lines.append(str(error))
    return lines


def section(name: str) -> str:
    """A section's name, which a shell may have completed to a folder's. Raises CourseError where there is none."""
    wanted = name.rstrip("/").rpartition("/")[2]
    known = sorted(path.name for path in (root() / "exercises").iterdir() if path.is_dir() and path.name[0] != ".")
    if wanted in known:
        return wanted
    raise CourseError(f"No section is called {name!r}. The sections are: {', '.join(known)}.")


def _lab_in(path: Path) -> Lab | None:
    """What an exercise says of its lab; None where it is another kind of notebook. Raises CourseError where it is no notebook."""
    try:
        metadata = json.loads(path.read_text(encoding="utf-8-sig")).get("metadata") or {}
        return Lab.from_metadata(metadata["lab"]) if metadata.get("lab") is not None else None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)[:200]
        raise CourseError(
            f"{path.relative_to(root())} cannot be read as a notebook ({why}). Keep a copy of what you wrote in it, and put the exercise "
            "back as it was: from the course's repository, or from a new copy of the course. The other labs are as they were."
        ) from error


def _depth(lab: Lab, known: dict[str, Lab], seen: frozenset[str] = frozenset()) -> int:
    """How many labs come before this one on the longest chain of `after`."""
    before = [known[f"{lab.section}/{name}"] for name in lab.after if f"{lab.section}/{name}" in known]
    return 1 + max((_depth(b, known, seen | {lab.key}) for b in before if b.key not in seen), default=-1)


def find(name: str) -> Lab:
    """The lab called `section/name`, or just `name` where that is unique, or the one of this notebook's path. Raises CourseError with the
    near names, or with what is wrong with its notebook."""
    plain = "/".join(name.rstrip("/").removesuffix(".ipynb").split("/")[-2:])[:LONGEST]
    exercises = root() / "exercises"
    exercise = exercises / f"{plain}.ipynb"
    if exercise.is_file() and (lab := _lab_in(exercise)) and lab.key == plain:
        return lab
    known = labs()
    matches = [lab for lab in known if plain in (lab.key, lab.name)]
    if len(matches) == 1:
        return matches[0]
    if wrong := unreadable(plain):
        raise CourseError(wrong[0])
    if plain in {end for path in exercises.glob("*/*.ipynb") for end in (path.stem, f"{path.parent.name}/{path.stem}")}:
        raise CourseError(
            f"The notebook of {name!r} has lost what the course keeps in its metadata: another program saved it. Take the exercise anew from "
            "the course's repository, and copy your answers into its cells."
        )
    raise CourseError(f"No lab is called {name[:LONGEST]!r}. The labs are: {', '.join(lab.key for lab in known)}.")
