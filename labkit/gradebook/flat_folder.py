"""Files as an LMS exports them, in one folder, brought to where nbgrader keeps submissions.

A pattern such as `{student}_{lab}.ipynb` says what a file's name means; `*` stands for what does not matter, and `/` for the folders
that some exports have for each student.
"""

from __future__ import annotations

import filecmp
import math
import os
import re
import shutil
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from labkit.course import submission, timestamp
from labkit.course.submission import SUBMITTED, TIMESTAMP
from labkit.gradebook.lms_names import Named, Names, number_in
from labkit.grading.handed_in import labs_of
from labkit.grading.students import is_student, normal

PATTERN = "{student}_{lab}.ipynb"
PART = re.compile(r"(\{student\}|\{lab\}|\*)")


class BadPattern(Exception):
    """A pattern that cannot be used: what is wrong with it, and the next step."""


class Found(NamedTuple):
    """A file that is somebody's notebook."""

    when: float  # its time of change, in seconds since 1970
    path: Path
    named: Named
    is_late: bool  # as Canvas says in its name


@dataclass(frozen=True)
class Times:
    """What the files' times mean. An archive keeps the time on the clock's face, so they are of a zone that only the examiner knows."""

    zone: str = ""  # e.g. "Europe/Berlin"; this machine's where it is empty
    due: datetime | None = None  # in UTC

    def of(self, seconds: float) -> float:
        """Seconds since 1970 of a file's time, which this machine has taken for one of its own zone. Raises BadPattern for an unknown zone."""
        if not self.zone:
            return seconds
        try:
            return datetime.fromtimestamp(seconds).replace(tzinfo=zoneinfo.ZoneInfo(self.zone)).timestamp()
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadPattern(f"There is no time zone {self.zone!r}. Name one like Europe/Berlin, or UTC.") from error

    def told(self) -> str:
        """For the examiner."""
        zone = self.zone or f"this machine's zone ({datetime.now().astimezone():%Z, UTC%z})"
        return f"the files' times were taken as of {zone}; --zone names another"


def hand_in(folder: Path, pattern: str, section: str, times: Times = Times()) -> Iterator[str]:
    """Copies the files of a section's labs into `submitted/`; gives a line for each file that is left out, and each replaced one.

    Of several files for one notebook the newest counts, and it replaces an older one that was copied earlier. Raises BadPattern.
    """
    name_of, labs = compiled(pattern, section), {lab.name for lab in labs_of(section)}
    found: list[Found] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        match = name_of.fullmatch(name)
        student = normal(match["student"]) if match else ""
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            yield f"{name}: left out, as it is no ordinary file"
        elif path.is_file() and match is None:
            yield f"{name}: left out, as its name is not like {pattern} with a lab of {section} ({', '.join(sorted(labs))})"
        elif path.is_file() and match and not is_student(student):
            yield f"{name}: left out, as {match['student']!r} cannot be a student's name here"
        elif path.is_file() and path.stat().st_size > submission.MAX_BYTES:
            yield f"{name}: left out, as it is over {submission.MAX_BYTES // 1_000_000} MB"
        elif path.is_file() and match:
            rest = [text for group, text in match.groupdict().items() if group.startswith("rest")]
            named = Named(student, match["lab"], number_in(rest))
            late = any("LATE" in text.split("_") for text in rest)
            found.append(Found(times.of(path.stat().st_mtime), path, named, late))
    yield from _hand_in(sorted(found), section, times)


def _hand_in(found: list[Found], section: str, times: Times) -> Iterator[str]:
    names = Names(one.named for one in found)
    yield from names.remarks()
    names.keep()  # first: a killed run gives the same names again
    one_time = (
        len({student for one in found if (student := names.student(one.named))}) > 1
        and len({int(one.when) for one in found}) == 1
    )
    if one_time:
        yield "all files have the same time, which is not when they were handed in: no times are noted, and nobody is late"
    late = {names.student(one.named) for one in found if one.is_late}
    for student in sorted(late) if times.due else ():
        yield f"{student}: handed in late, as the file's name says"
    for one in found:
        student = names.student(one.named)
        bounds = _bounds(student in late, times.due) if late and times.due else (-math.inf, math.inf)
        yield from _copy(one, student, section, None if one_time else bounds)


def _bounds(is_late: bool, due: datetime) -> tuple[float, float]:
    """Between which times a submission came, by the LMS' own word: before the due date, or after it."""
    at = due.replace(tzinfo=UTC).timestamp()
    return (math.ceil(at) + 1, math.inf) if is_late else (-math.inf, math.floor(at))


def compiled(pattern: str, section: str) -> re.Pattern[str]:
    """The pattern as a regular expression with the groups `student` and `lab`, and `rest0`, `rest1` … for each `*` before the lab. Raises
    BadPattern."""
    if pattern.count("{student}") != 1 or pattern.count("{lab}") != 1:
        raise BadPattern(f"The pattern {pattern!r} must have {{student}} once and {{lab}} once, for example {PATTERN}.")
    labs = "|".join(sorted((re.escape(lab.name) for lab in labs_of(section)), key=len, reverse=True))
    parts, made = PART.split(pattern), ""
    for number, part in enumerate(parts):
        if part == "{student}":
            made += "(?P<student>[^/]+?)"
        elif part == "{lab}":
            made += f"(?P<lab>{labs})"
        elif part == "*":
            made += "[^/]*?" if "{lab}" in parts[:number] else f"(?P<rest{number}>[^/]*?)"
        else:
            made += re.escape(part)
    return re.compile(made)


def _copy(found: Found, student: str, section: str, bounds: tuple[float, float] | None) -> Iterator[str]:
    """Copies one file, at once or not at all, with its time; with `bounds` also beside it."""
    target = SUBMITTED / student / section / f"{found.named.lab}.ipynb"
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
    if bounds:
        _note_time(target.parent, found.when, bounds)
    os.replace(new, target)


def _note_time(folder: Path, when: float, bounds: tuple[float, float]) -> None:
    """The latest of a student's notebooks is when the section was handed in. Written first: a killed run copies again."""
    latest = max([when, *(path.stat().st_mtime for path in folder.glob("*.ipynb"))])
    latest = min(max(latest, bounds[0]), bounds[1])
    new = folder / f"{TIMESTAMP}.new"
    new.write_text(timestamp.written(datetime.fromtimestamp(latest, UTC)), encoding="utf-8")
    os.replace(new, folder / TIMESTAMP)
