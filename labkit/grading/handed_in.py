"""The notebooks that a section's students handed in, and which of them are to be judged now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from labkit import course
from labkit.grading import audit, submission
from labkit.grading.outcome import Outcome
from labkit.grading.sandbox import is_unsafe
from labkit.grading.submission import SUBMITTED
from labkit.grading.verdict_store import checks_key
from labkit.grading.work_order import Work


def labs_of(section: str) -> list[course.Lab]:
    """The section's labs that the nbgrader course in this folder has: an exam may have some of them only."""
    labs = course.labs(section)
    return [lab for lab in labs if Path("source", section, f"{lab.name}.ipynb").exists()] or labs


def find(section: str, student: str, regrade: bool, outcome: Outcome) -> Iterator[Work]:
    """The notebooks that are to be judged now. Bad ones are put aside with a line each.

    Raises ClickException when nothing was handed in.
    """
    labs = {lab.name: lab for lab in labs_of(section)}
    paths = sorted(SUBMITTED.glob(f"{student}/{section}/*.ipynb"))
    if not paths:
        raise click.ClickException(f"Nothing was handed in: {SUBMITTED}/{student}/{section}/ has no notebook.")
    for path in paths:
        who, lab = path.parts[1], labs.get(path.stem)
        if lab is None:
            outcome.remarks.append(f"{who}: {path.name} is no lab of {section} in this course; it is left out")
            continue
        try:
            found = submission.read(path, lab)
        except submission.BadSubmission as error:
            outcome.bad.append(f"{who}: {error}")
            continue
        outcome.remarks += [f"{who}, {lab.name}: {remark}" for remark in found.remarks]
        if _to_judge(who, lab, found.answers, regrade, outcome):
            yield Work(who, lab, found.answers)


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
