"""What a section's grading has come to, for the report and the exports: marks, answers and verdicts of each student.

Marks come from nbgrader's gradebook, which has the last word; answers from the submitted notebooks; what each check said
from the kept verdicts. Nothing is judged here and nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from labkit import course
from labkit.course import submission
from labkit.course.submission import SUBMITTED
from labkit.course.verdict import Verdict
from labkit.gradebook import place
from labkit.grading import audit
from labkit.grading import students as students_of
from labkit.grading.handed_in import labs_of
from labkit.grading.verdict_store import STORE, VerdictStore

Status = Literal["graded", "not graded", "missing"]


class Check(NamedTuple):
    """A check of a section. A visible and a hidden one may have the same name."""

    lab: str
    name: str
    hidden: bool


@dataclass
class Grade:
    """One grade cell's mark: by the checks, and by hand where an examiner has changed it. In points."""

    auto: float | None
    manual: float | None
    extra: float

    @property
    def score(self) -> float | None:
        """The mark that counts, as nbgrader has it, or None while there is none."""
        given = self.auto if self.manual is None else self.manual
        return None if given is None else given + self.extra


@dataclass
class LabResult:
    """One student's notebook of one lab."""

    lab: course.Lab
    handed_in: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)  # none: not judged, or not since the checks were changed
    grades: dict[str, Grade] = field(default_factory=dict)
    penalty: float = 0.0
    problem: str = ""  # why it could not be judged
    remarks: list[str] = field(default_factory=list)

    @property
    def score(self) -> float | None:
        """Points before any penalty, or None while a grade cell has no mark."""
        scores = [grade.score for grade in self.grades.values()]
        known = [score for score in scores if score is not None]
        return sum(known) if scores and len(known) == len(scores) else None

    @property
    def by_hand(self) -> bool:
        """Whether an examiner has changed the mark."""
        return any(grade.manual is not None or grade.extra for grade in self.grades.values())

    @property
    def seconds(self) -> float:
        """How long its checks took."""
        return sum(verdict.seconds for verdict in self.verdicts)


@dataclass
class StudentResult:
    """One student's section."""

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    submitted: datetime | None = None  # in UTC, as nbgrader keeps it
    seconds_late: float = 0.0
    labs: dict[str, LabResult] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`Last, First`, or the student's id where the gradebook has no name."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.student

    @property
    def status(self) -> Status:
        """Graded only when every lab that was handed in has its mark: a part of a mark would be taken for the whole."""
        handed_in = [lab for lab in self.labs.values() if lab.handed_in]
        marked = any(lab.score is not None for lab in self.labs.values())
        if not handed_in and not marked:
            return "missing"
        return "graded" if marked and all(lab.score is not None for lab in handed_in) else "not graded"

    @property
    def raw_score(self) -> float | None:
        """Points of all labs, or None while it is not graded."""
        return sum(lab.score or 0.0 for lab in self.labs.values()) if self.status == "graded" else None

    @property
    def penalty(self) -> float:
        """Points lost by handing in late."""
        return sum(lab.penalty for lab in self.labs.values())

    @property
    def score(self) -> float | None:
        """Points after the penalty, never below 0, or None while it is not graded."""
        return None if self.raw_score is None else max(0.0, self.raw_score - self.penalty)


@dataclass
class Fault:
    """A time that the course itself failed to judge a notebook."""

    student: str
    lab: str
    when: str
    why: str
    overcome: bool  # whether it was judged later, or its answers in another's notebook


@dataclass
class Results:
    """All of a section."""

    section: str
    labs: list[course.Lab]
    students: list[StudentResult]  # by name
    max_score: float
    faults: list[Fault]

    def checks(self) -> dict[Check, Verdict]:
        """Each check that judged somebody, with one of its verdicts, in the order of the labs and of their checks."""
        found: dict[Check, Verdict] = {}
        for lab in self.labs:
            for student in self.students:
                for verdict in student.labs[lab.name].verdicts:
                    found.setdefault(Check(lab.name, verdict.check, verdict.hidden), verdict)
        return found


def read(section: str) -> Results:
    """The results of the nbgrader course in this folder. Raises ClickException where there are none."""
    labs = labs_of(section)
    if not labs:
        raise click.ClickException(f"No section is called {section!r}. The sections are: {', '.join(course.SECTIONS)}.")
    if (file := place.gradebook()) and not file.exists():
        raise click.ClickException(
            f"There is no gradebook {file} yet. Grade first: labkit grade {section}, in a folder made by labkit course."
        )
    handed_in = students_of.handed_in(section)
    students, max_score = _gradebook(section, labs)
    for name in handed_in.students:
        students.setdefault(name, _student(name, labs))
    faults = list(_faults(section))
    store = VerdictStore(STORE)
    why = {(fault.student, fault.lab): fault.why for fault in faults if not fault.overcome}
    for student in students.values():
        for lab in student.labs.values():
            _look_at(lab, student.student, store, why.get((student.student, lab.lab.name), ""))
    for fault in faults:
        known = students.get(fault.student)
        fault.overcome |= known is not None and fault.lab in known.labs and bool(known.labs[fault.lab].verdicts)
    by_name = sorted(students.values(), key=lambda student: (student.name.casefold(), student.student))
    return Results(section, labs, by_name, max_score, faults)


def _student(name: str, labs: list[course.Lab]) -> StudentResult:
    return StudentResult(name, labs={lab.name: LabResult(lab) for lab in labs})


def _gradebook(section: str, labs: list[course.Lab]) -> tuple[dict[str, StudentResult], float]:
    """All students of the course, and what the section is worth."""
    # jsonschema compiles a grammar for IRIs, which no notebook has, in 1.5 s on import; it does without where it is not there.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from nbgrader import api

    students: dict[str, StudentResult] = {}
    with place.opened() as opened:
        gradebook: Any = opened  # nbgrader's columns have no types that a checker could read
        for known in gradebook.students:
            student = students[known.id] = _student(known.id, labs)
            student.first_name, student.last_name = known.first_name or "", known.last_name or ""
            student.email, student.lms_user_id = known.email or "", known.lms_user_id or ""
        try:
            max_score = float(gradebook.find_assignment(section).max_score)
        except api.MissingEntry:
            max_score = sum(sum(lab.points.values()) for lab in labs)
        for entry in gradebook.assignment_submissions(section):
            students[entry.student_id].submitted = entry.timestamp
            students[entry.student_id].seconds_late = entry.total_seconds_late
        _read_grades(gradebook, section, students)
    return students, max_score


def _read_grades(gradebook: Any, section: str, students: dict[str, StudentResult]) -> None:
    """All grade cells in one query: nbgrader's own objects ask for each notebook of each student."""
    from nbgrader import api as nbgrader_api

    api: Any = nbgrader_api
    rows = (
        gradebook.db.query(
            api.SubmittedAssignment.student_id,
            api.Notebook.name,
            api.BaseCell.name,
            api.Grade.auto_score,
            api.Grade.manual_score,
            api.Grade.extra_credit,
            api.SubmittedNotebook.late_submission_penalty,
        )
        .select_from(api.Grade)
        .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .filter(api.Assignment.name == section)
    )
    for student, notebook, cell, auto, manual, extra, penalty in rows:
        lab = students[student].labs.get(notebook)
        if lab is not None:
            lab.grades[cell.removeprefix("check-")] = Grade(auto, manual, extra or 0.0)
            lab.penalty = penalty or 0.0


def _faults(section: str) -> Iterator[Fault]:
    """What the audit trail tells of faults, oldest first."""
    entries = [entry for entry in audit.entries() if entry["lab"].startswith(f"{section}/")]
    judged = {(entry["student"], entry["lab"]): at for at, entry in enumerate(entries) if not entry["fault"]}
    for at, entry in enumerate(entries):
        if entry["fault"]:
            overcome = judged.get((entry["student"], entry["lab"]), -1) > at
            lab = entry["lab"].removeprefix(f"{section}/")
            yield Fault(entry["student"], lab, entry["when"], entry["fault"], overcome)


def _look_at(result: LabResult, student: str, store: VerdictStore, fault: str) -> None:
    """Reads the notebook, and what was judged of it."""
    path = Path(SUBMITTED, student, result.lab.section, f"{result.lab.name}.ipynb")
    result.handed_in = path.exists()
    if not result.handed_in:
        return
    try:
        found = submission.read(path, result.lab)
    except submission.BadSubmission as error:
        result.problem = str(error).replace(str(path), path.name)  # the folder's name is the student's
        return
    result.answers, result.remarks = found.answers, found.remarks
    result.verdicts = store.get(result.lab, found.answers, student=student, unsafe=True) or []
    if not result.verdicts:
        again = f"Run labkit grade {result.lab.section}."
        result.problem = fault or f"Not judged since the answers or the checks were changed. {again}"
