"""Marks for other programs: a spreadsheet (csv), a program (json), and the gradebooks of Moodle and Canvas.

What the two learning platforms import is as they document it and as their importers read it:

- Moodle, https://docs.moodle.org/311/en/Grade_import, "CSV import": the examiner maps one column to the user ("Email address" to
  useremail, "ID number" to useridnumber, "Username" to username) and the mark's column to a grade item. A mark is a number; over 100
  it is refused unless the site allows it. An empty one would clear what is there, so whoever has no mark is left out.
- Canvas, "Upload changes to the gradebook", as https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades
  tells it, and lib/gradebook_importer.rb of instructure/canvas-lms: the columns "Student", "ID", "SIS User ID", "SIS Login ID", "Section",
  then an assignment each, by its title or by "Title (id)"; a row "Points Possible" before the students. Students are found by ID (a number),
  else by SIS User ID, else by SIS Login ID, else by name. Here, too, whoever has no mark is left out.

A spreadsheet takes a text that begins with = + - @ (or a tab or a line's end before them) for a formula, which a student's name must not be:
such a text gets a quote in front (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from labkit.gradebook.results import Check, LabResult, Results, StudentResult
from labkit.machine import told

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide ones count in a spreadsheet, too
MOODLE_MAX = 100.0  # of a mark, where the site does not allow more

Row = list[str | float | None]


def as_csv(results: Results, column: str) -> str:
    """A row for each student of the course: the mark, each lab's points, and whether each check passed."""
    checks = list(results.checks())
    head = ["student_id", "last_name", "first_name", "email", "lms_user_id", "status", "submitted", "hours_late"]
    head += [column, "max_score", "raw_score", "late_penalty"]
    head += [lab.name for lab in results.labs] + [check_name(check) for check in checks]
    return _csv([head, *(_row(student, results, checks) for student in results.students)])


def as_json(results: Results, column: str) -> str:
    """The same, and each answer's mark by the checks and by hand, as JSON."""
    data = {
        "section": results.section,
        "column": column,
        "max_score": results.max_score,
        "labs": {lab.name: sum(lab.points.values()) for lab in results.labs},
        "students": [_data(student) for student in results.students],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_moodle(results: Results, column: str) -> str:
    """What Moodle imports as grades: whoever is graded, found by any of three columns."""
    head = ["First name", "Last name", "ID number", "Username", "Email address", column]
    rows: list[Row] = [
        [student.first_name, student.last_name, student.lms_user_id, student.student, _email(student), student.score]
        for student in _graded(results)
    ]
    return _csv([head, *rows])


def as_canvas(results: Results, column: str) -> str:
    """What Canvas imports into its gradebook: whoever is graded. A Canvas ID is a number; anything else is the SIS's."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column]
    rows: list[Row] = [["Points Possible", "", "", "", "", results.max_score]]
    for student in _graded(results):
        known = student.lms_user_id
        ours, sis = (known, "") if known.isdecimal() else ("", known)
        rows.append([student.name, ours, sis, student.student, "", student.score])
    return _csv([head, *rows])


FORMATS: dict[str, Callable[[Results, str], str]] = {
    "csv": as_csv,
    "json": as_json,
    "moodle": as_moodle,
    "canvas": as_canvas,
}


def check_name(check: Check) -> str:
    """A check's column: `lab/test_name`."""
    return f"{check.lab}/{check.name}{' (hidden)' if check.hidden else ''}"


def defused(text: str) -> str:
    """The text on one line, and so that no spreadsheet takes it for a formula."""
    line = told.line(" ".join(text.replace("\0", "").split()))
    return f"'{line}" if line.startswith(FORMULA) else line


def _graded(results: Results) -> list[StudentResult]:
    return [student for student in results.students if student.score is not None]


def _email(student: StudentResult) -> str:
    """The gradebook's address, or the id where that is one."""
    return student.email or (student.student if "@" in student.student else "")


def _row(student: StudentResult, results: Results, checks: list[Check]) -> Row:
    outcomes = {
        Check(lab.lab.name, verdict.check, verdict.hidden): verdict.outcome
        for lab in student.labs.values()
        for verdict in lab.verdicts
    }
    row: Row = [student.student, student.last_name, student.first_name, student.email, student.lms_user_id]
    row += [student.status, _when(student), round(student.seconds_late / 3600, 2)]
    row += [student.score, results.max_score, student.raw_score, student.penalty]
    row += [_lab_score(student.labs[lab.name]) for lab in results.labs]
    return row + [outcomes.get(check, "") for check in checks]


def _lab_score(lab: LabResult) -> float | None:
    """A lab's points; none for one that was not handed in, which nbgrader counts as 0."""
    return lab.score if lab.handed_in or lab.by_hand else None


def _data(student: StudentResult) -> dict[str, Any]:
    return {
        "student": student.student,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "lms_user_id": student.lms_user_id,
        "status": student.status,
        "submitted": _when(student) or None,
        "seconds_late": student.seconds_late,
        "score": student.score,
        "raw_score": student.raw_score,
        "late_penalty": student.penalty,
        "labs": {name: _lab_data(lab) for name, lab in student.labs.items() if lab.handed_in or lab.by_hand},
    }


def _lab_data(lab: LabResult) -> dict[str, Any]:
    return {
        "score": lab.score,
        "answers": {
            name: {"auto": grade.auto, "manual": grade.manual, "extra": grade.extra, "score": grade.score}
            for name, grade in lab.grades.items()
        },
        "checks": [
            {"check": v.check, "answer": v.answer, "hidden": v.hidden, "outcome": v.outcome, "points": v.points}
            for v in lab.verdicts
        ],
        "problem": lab.problem or None,
    }


def _when(student: StudentResult) -> str:
    return f"{student.submitted.isoformat(timespec='seconds')}Z" if student.submitted else ""


def _csv(rows: Iterable[Iterable[str | float | None]]) -> str:
    """RFC 4180. Texts are defused, and each in quotes, whatever a spreadsheet takes for the end of a cell; numbers are ours, and bare."""
    lines = (",".join(_quoted(cell) if isinstance(cell, str) else _number(cell) for cell in row) for row in rows)
    return "".join(f"{line}\r\n" for line in lines)


def _quoted(text: str) -> str:
    return '"{}"'.format(defused(text).replace('"', '""'))


def _number(value: float | None) -> str:
    """Without the digits that only a float's rounding has made, and never in powers of ten."""
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")
