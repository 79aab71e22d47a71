"""An nbgrader course that looks as after grading, made through nbgrader's own gradebook: nothing is judged for it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from labkit import course
from labkit.course import submission
from labkit.course.verdict import Verdict
from labkit.grading import audit
from labkit.grading.verdict_store import STORE, VerdictStore
from tests.grading.submissions import SECTION, notebook

DUE = datetime(2026, 3, 1, 12)


def check(name: str, outcome: str = "pass", **more) -> Verdict:
    """A verdict of a check of `refunds`; worth two points."""
    sentence = more.pop("sentence", f"It does what {name} asks.")
    return Verdict(name, "refunds", sentence, 2, outcome, seconds=more.pop("seconds", 0.05), **more)  # type: ignore[arg-type]


class GradedCourse:
    """A course with one lab, jsonb-search, whose grade cells are in a real gradebook."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        course.root()
        self.folder = folder
        monkeypatch.chdir(folder)
        self.lab = course.find("jsonb-search")
        self.store = VerdictStore(STORE)
        self.gradebook = Gradebook(f"sqlite:///{folder}/gradebook.db")
        self.gradebook.add_assignment(SECTION, duedate=DUE)
        self.gradebook.add_notebook(self.lab.name, SECTION)
        for name, points in self.lab.points.items():
            self.gradebook.add_grade_cell(f"check-{name}", self.lab.name, SECTION, max_score=points, cell_type="code")

    def __enter__(self) -> GradedCourse:
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def student(self, name: str, **about) -> None:
        """Someone in the gradebook who has handed in nothing."""
        self.gradebook.add_student(name, **about)

    def hand_in(self, student: str, answer: str | bytes, verdicts: list[Verdict] | None, **about) -> None:
        """A submission with this answer to `refunds`, or with these bytes as its file; judged if verdicts are given."""
        path = self.folder / "submitted" / student / SECTION / f"{self.lab.name}.ipynb"
        path.parent.mkdir(parents=True)
        whole = answer if isinstance(answer, bytes) else json.dumps(notebook(self.lab, {"refunds": answer})).encode()
        path.write_bytes(whole)
        self.gradebook.add_student(student, **about)
        self.gradebook.add_submission(SECTION, student, timestamp=DUE)
        if verdicts is not None:
            self.store.put(self.lab, submission.read(path, self.lab).answers, verdicts)
            for name in self.lab.answers:
                self.mark(student, name, auto_score=sum(v.earned for v in verdicts if v.answer == name))

    def mark(self, student: str, answer: str, **scores: float) -> None:
        """Writes into a grade: auto_score, manual_score, extra_credit."""
        grade = self.gradebook.find_grade(f"check-{answer}", self.lab.name, SECTION, student)
        for name, value in scores.items():
            setattr(grade, name, value)
        self.gradebook.db.commit()

    def penalise(self, student: str, points: float, handed_in: datetime) -> None:
        """What nbgrader writes for late work."""
        self.gradebook.find_submission(SECTION, student).timestamp = handed_in
        self.gradebook.find_submission_notebook(self.lab.name, SECTION, student).late_submission_penalty = points
        self.gradebook.db.commit()

    def fault(self, student: str, why: str) -> None:
        """A line of the audit trail about a fault of the course."""
        entry = dict.fromkeys(audit.FIELDS, "") | {"verdicts": [], "when": "2026-03-02T08:00:00+00:00"}
        entry |= {"student": student, "lab": self.lab.key, "fault": why}
        audit.TRAIL.parent.mkdir(exist_ok=True)
        with audit.TRAIL.open("a") as trail:
            trail.write(json.dumps(entry) + "\n")
