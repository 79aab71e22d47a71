"""The database that a lab starts from: one place for the notebook's side and the checker's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from labkit.course import CourseError, find, root
from labkit.course.hidden import text
from labkit.services.postgres import Template

SEED = "0.42"


def lab_template(lab_key: str) -> Template:
    """The template of the lab `section/name`, built from `graders/<section>/<lab>.sql`. Raises CourseError when one of them is missing."""
    return Template(name=find(lab_key).name, scripts=(_data(lab_key),), seed=SEED)


def lesson_template(section: str) -> Template:
    """The data of a section's lesson, `notebooks/<section>.sql`. Raises CourseError when it is missing."""
    data = _read(root() / "notebooks" / f"{section}.sql", f"the lesson of {section}")
    return Template(f"lesson-{section}", (data,), SEED)


def checks_template(lab_key: str, *, hidden: bool = False) -> Template:
    """What the checks work on: as `lab_template`, but what `graders/<section>/<lab>.checks.sql` sets, if it is there, runs first.

    With `hidden`, the grading data: another seed, and `graders/hidden/<section>/<lab>/data.sql` on top. The seed is derived
    from that file, so that it is as secret as the file, which may be sealed. Raises CourseError as `lab_template`.
    """
    lab = find(lab_key)
    settings = root() / "graders" / lab.section / f"{lab.name}.checks.sql"
    scripts = (*([_read(settings, lab.key)] if settings.exists() else []), _data(lab.key))
    if not hidden:
        return Template(name=lab.name, scripts=scripts, seed=SEED)
    more = text(lab, "data.sql")
    digest = hashlib.sha256(more.encode()).digest()
    seed = f"{int.from_bytes(digest[:6]) / 2**48:.12f}"  # setseed() takes -1 to 1
    # By its name an answer could tell where it is: it is that of the data that the learner sees.
    return Template(name=lab.name, scripts=(*scripts, more), seed=seed)


def _data(lab_key: str) -> str:
    lab = find(lab_key)
    return _read(root() / "graders" / lab.section / f"{lab.name}.sql", lab.key)


def _read(path: Path, lab_key: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"The data of {lab_key} is not at {path}. Get the whole course again.") from error
