"""The notebooks that a section's students handed in, and which of them are to be judged now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from labkit import course
from labkit.course import submission, timestamp
from labkit.course.submission import SUBMITTED
from labkit.grading import audit, students
from labkit.grading.misplaced import misplaced
from labkit.grading.outcome import Outcome
from labkit.grading.verdict_store import checks_key
from labkit.grading.work_order import Work
from labkit.machine import told
from labkit.sandbox import is_unsafe


def labs_of(section: str) -> list[course.Lab]:
    """The section's labs that the nbgrader course in this folder has: an exam may have some of them only."""
    labs = course.labs(section)
    return [lab for lab in labs if Path("source", section, f"{lab.name}.ipynb").exists()] or labs


def find(section: str, student: str, regrade: bool, outcome: Outcome) -> Iterator[Work]:
    """The notebooks that are to be judged now. Bad ones are put aside with a line each.

    Raises ClickException when nothing was handed in.
    """
    labs = {lab.name: lab for lab in labs_of(section)}
    folders = students.handed_in(section, student)
    outcome.bad += folders.wrong
    outcome.remarks += folders.remarks
    for who in folders.students:
        try:
            timestamp.read(students.folder_of(who, section))
        except timestamp.NoTime as no_time:
            outcome.remarks.append(f"{who}: {no_time}")
    elsewhere = dict(_misplaced(folders, section, list(labs), outcome))
    if not folders.students and not elsewhere:
        why = "; ".join([told.line(one) for one in folders.wrong[:3]])
        raise click.ClickException(
            f"Nothing was handed in: {SUBMITTED}/{student}/{section}/ has no notebook. {why}".strip()
        )
    for path in _notebooks(folders.students, section):
        who, lab = path.parts[1], labs.get(path.stem)
        if path in elsewhere:
            continue
        if lab is None:
            outcome.remarks.append(
                f"{who}: {told.line(path.name)} is no lab of {section} in this course; it is left out"
            )
            continue
        outcome.students.setdefault(who)
        try:
            found = submission.read(path, lab)
        except submission.BadSubmission as error:
            outcome.bad.append(f"{who}: {error}")
            continue
        outcome.remarks += [f"{who}, {lab.name}: {remark}" for remark in found.remarks]
        if _to_judge(who, lab, found.answers, regrade, outcome):
            yield Work(who, lab, found.answers)


def _misplaced(
    folders: students.Folders, section: str, labs: list[str], outcome: Outcome
) -> Iterator[tuple[Path, str]]:
    """The files that seem to be notebooks and cannot be taken for them, with what was told of each."""
    for who in (*folders.empty, *folders.students):
        folder = students.folder_of(who, section)
        missing = [name for name in labs if not (folder / f"{name}.ipynb").exists()]
        found = list(misplaced(folder.parent, section, missing))
        outcome.bad += [f"{who}: {line}" for _, line in found]
        if who in folders.empty and not found:
            outcome.remarks.append(f"{who}: nothing of {section} was handed in")
        yield from found


def _notebooks(names: list[str], section: str) -> Iterator[Path]:
    for name in names:
        yield from sorted(students.folder_of(name, section).glob("*.ipynb"))


def _to_judge(student: str, lab: course.Lab, answers: dict[str, str], regrade: bool, outcome: Outcome) -> bool:
    """Whether there is no verdict on these answers yet. What is graded stays graded, unless a new judgement is asked for."""
    entry = outcome.before.get((student, lab.key))
    if entry is None or entry["answers"] != audit.fingerprint(answers):
        return True
    if entry.get("unsafe") and not is_unsafe():
        return True
    stale = entry["checks"] != checks_key(lab)
    outcome.kept += not stale
    outcome.stale += stale
    return stale and regrade
