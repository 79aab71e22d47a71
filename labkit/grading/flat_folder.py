"""Files as an LMS exports them, in one folder, brought to where nbgrader keeps submissions.

A pattern such as `{student}_{lab}.ipynb` says what a file's name means; `*` stands for what does not matter, and `/` for the folders
that some exports have for each student.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from labkit.grading import submission
from labkit.grading.handed_in import labs_of
from labkit.grading.submission import SUBMITTED, TIMESTAMP

PATTERN = "{student}_{lab}.ipynb"
PART = re.compile(r"(\{student\}|\{lab\}|\*)")
# A folder's name that no program takes for anything else: nbgrader and the shell read [*?] as patterns.
STUDENT = re.compile(r"[^\W_][^/\\\x00-\x1f*?\[\]]{0,99}")


class BadPattern(Exception):
    """A pattern that cannot be used: what is wrong with it, and the next step."""


class Found(NamedTuple):
    """A file that is somebody's notebook."""

    when: float  # its time of change, in seconds since 1970
    path: Path
    student: str
    lab: str


def hand_in(folder: Path, pattern: str, section: str) -> Iterator[str]:
    """Copies the files of a section's labs into `submitted/`; gives a line for each file that is left out, and each replaced one.

    Of several files for one notebook the newest counts, and it replaces an older one that was copied earlier. Raises BadPattern.
    """
    name_of, labs = compiled(pattern, section), {lab.name for lab in labs_of(section)}
    found: list[Found] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        match = name_of.fullmatch(name)
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            yield f"{name}: left out, as it is no ordinary file"
        elif path.is_file() and match is None:
            yield f"{name}: left out, as its name is not like {pattern} with a lab of {section} ({', '.join(sorted(labs))})"
        elif path.is_file() and match and not is_student(match["student"]):
            yield f"{name}: left out, as {match['student']!r} cannot be a student's name here"
        elif path.is_file() and path.stat().st_size > submission.MAX_BYTES:
            yield f"{name}: left out, as it is over {submission.MAX_BYTES // 1_000_000} MB"
        elif path.is_file() and match:
            found.append(Found(path.stat().st_mtime, path, match["student"], match["lab"]))
    for one in sorted(found):
        yield from _copy(one, section)


def compiled(pattern: str, section: str) -> re.Pattern[str]:
    """The pattern as a regular expression with the groups `student` and `lab`. Raises BadPattern."""
    if pattern.count("{student}") != 1 or pattern.count("{lab}") != 1:
        raise BadPattern(f"The pattern {pattern!r} must have {{student}} once and {{lab}} once, for example {PATTERN}.")
    labs = "|".join(sorted((re.escape(lab.name) for lab in labs_of(section)), key=len, reverse=True))
    means = {"{student}": "(?P<student>[^/]+?)", "{lab}": f"(?P<lab>{labs})", "*": "[^/]*?"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in PART.split(pattern)))


def is_student(name: str) -> bool:
    """Whether it may be the name of a student's folder: no path, nothing hidden, no pattern."""
    return bool(STUDENT.fullmatch(name)) and name == name.strip()


def _copy(found: Found, section: str) -> Iterator[str]:
    """Copies one file, at once or not at all, with its time."""
    target = SUBMITTED / found.student / section / f"{found.lab}.ipynb"
    if target.exists():
        if filecmp.cmp(found.path, target, shallow=False):
            return
        if found.when <= target.stat().st_mtime:
            yield f"{found.path.name}: left out, as {target} is not older"
            return
        yield f"{found.path.name}: newer, it replaces {target}"
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    shutil.copyfile(found.path, new)
    os.utime(new, (found.when, found.when))
    _note_time(target.parent, found.when)
    os.replace(new, target)


def _note_time(folder: Path, when: float) -> None:
    """The latest of a student's notebooks is when the section was handed in. Written first: a killed run copies again."""
    latest = max([when, *(path.stat().st_mtime for path in folder.glob("*.ipynb"))])
    stamp = datetime.fromtimestamp(latest, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    new = folder / f"{TIMESTAMP}.new"
    new.write_text(f"{stamp}\n", encoding="utf-8")
    os.replace(new, folder / TIMESTAMP)
