"""The whole way through nbgrader itself: submit, grade in each way there is, feedback; marks number by number."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys

import pytest
from click.testing import CliRunner

from labkit import course
from labkit.authoring.verify import candidates
from labkit.checking.process import CheckerProcess
from labkit.course.verdict import Verdict
from labkit.grading import audit
from labkit.grading.verdict_store import checks_key
from tests.grading.submissions import SECTION, Course, lab_source, nbgrader, notebook

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]

CHOSEN = ("stub", "solution", "wrong/like", "wrong/default-operator-class", "wrong/gin-on-one-key", "right/jsonpath")


def points_of(verdicts: list[Verdict], lab: course.Lab) -> dict[str, float]:
    """What each grade cell must hold."""
    return {f"check-{name}": sum(v.earned for v in verdicts if v.answer == name) for name in lab.answers}


def test_all_ways_to_grade_give_the_same_marks(backend, tmp_path):
    """`labkit grade`, `nbgrader autograde` and formgrader's button write what the checker itself says."""
    lab = course.find("jsonb-search")
    chosen = {c.name.replace("/", "-"): c for c in candidates(lab, lab_source(lab)) if c.name in CHOSEN}
    assert len(chosen) == len(CHOSEN)
    with CheckerProcess("grading") as checker:
        expected = {s: points_of(checker.check(lab, c.answers, hidden=True), lab) for s, c in chosen.items()}
    assert sum(expected["solution"].values()) == sum(lab.points.values())
    assert sum(expected["stub"].values()) == 0
    for way in (by_labkit, by_nbgrader, by_formgrader):
        made = Course(tmp_path / way.__name__)
        for student, candidate in chosen.items():
            made.submit(student, lab, notebook(lab, candidate.answers))
        way(made)
        marks = {
            student: {k: v for k, v in grades.items() if k in expected[student]}
            for student, grades in made.marks().items()
        }
        assert marks == expected, way.__name__


def test_one_pass_writes_what_nbgraders_two_write(tmp_path):
    """Every row of the gradebook and every autograded notebook is the same when nbgrader does it all again by itself."""
    lab = course.find("jsonb-search")
    answers = lab_source(lab).solutions()
    made = Course(tmp_path)
    nbgrader(tmp_path, "db", "assignment", "add", SECTION, "--duedate=2026-01-01 12:00:00 UTC")
    edited = notebook(lab, {**answers, "refunds": "SELECT 1"})
    edited["cells"][-1]["metadata"]["nbgrader"] = {"grade": True, "points": 100}
    for student, handed_in in (("ada", notebook(lab, answers)), ("ben", edited), ("eve 2", b"not a notebook")):
        made.submit(student, lab, handed_in).with_name("timestamp.txt").write_text("2026-01-01 13:00:00 UTC")
    assert made.grade().exit_code == 1  # it tells of the file that is no notebook
    ours = written(made)
    nbgrader(tmp_path, "autograde", SECTION, "--force", "--log-level=ERROR")
    assert written(made) == ours
    assert len(ours) > 30


def written(made: Course) -> list[str]:
    """All that grading wrote: rows without their random ids, and files."""
    with contextlib.closing(sqlite3.connect(made.folder / "gradebook.db")) as gradebook:
        rows = [
            str((table, *row))
            for table, columns in (
                ("student", "id"),
                ("submitted_assignment", "student_id, timestamp, extension"),
                ("submitted_notebook", "late_submission_penalty"),
                ("grade", "auto_score, manual_score, extra_credit, needs_manual_grade"),
                ("comment", "auto_comment, manual_comment"),
            )
            for row in gradebook.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}, rowid")
        ]
    files = sorted(path for path in (made.folder / "autograded").rglob("*") if path.is_file())
    return [*rows, *(f"{path.relative_to(made.folder)}: {without_names(path.read_text())}" for path in files)]


def without_names(notebook: str) -> str:
    """A notebook's text without the ids of its cells and nbgrader's checksums of them, which no mark depends on."""
    lines = notebook.splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith(('"id":', '"checksum":')))


def by_labkit(made: Course) -> None:
    """Our engine, judging in parallel."""
    result = made.grade("--jobs", "2")
    assert result.exit_code == 0, result.output


def by_nbgrader(made: Course) -> None:
    """The plain command."""
    nbgrader(made.folder, "autograde", SECTION, "--log-level=WARN")


def by_formgrader(made: Course) -> None:
    """What formgrader's button calls, a student at a time."""
    script = (
        "import sys; from nbgrader.apps import NbGrader, NbGraderAPI; from nbgrader.coursedir import CourseDirectory\n"
        "app = NbGrader(); app.initialize([])\n"
        "api = NbGraderAPI(CourseDirectory(parent=app), config=app.config)\n"
        f"results = [api.autograde({SECTION!r}, student) for student in sorted(api.get_submitted_students({SECTION!r}))]\n"
        "sys.exit('\\n'.join(r['log'] for r in results if not r['success']) or None)"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=made.folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_feedback_tells_visible_checks_whole_and_hidden_ones_not(tmp_path):
    """Feedback has expected and seen of a visible check; of a hidden one only the sentence and what to review."""
    lab = course.find("jsonb-search")
    wrong = next(c for c in candidates(lab, lab_source(lab)) if c.name == "wrong/jsonpath-loses-text")
    script = {"refunds": wrong.answers["refunds"] + "\n-- <script>alert(1)</script>"}
    made = Course(tmp_path)
    made.submit("ada", lab, notebook(lab, {**wrong.answers, **script}))
    assert made.grade().exit_code == 0
    nbgrader(made.folder, "generate_feedback", SECTION, "--log-level=WARN")
    page = (made.folder / "feedback" / "ada" / SECTION / f"{lab.name}.html").read_text(encoding="utf-8")
    assert "refunds are missing" in page  # why, of the visible check
    assert "its amount is a JSON string" in page
    assert "The query finds the right refunds in data that it has not seen, also one that comes in later." in page
    assert "The shapes an amount has" in page  # to review
    hidden = (course.root() / "graders" / "hidden" / SECTION / lab.name / "data.sql").read_text(encoding="utf-8")
    assert "c-limit-text" in hidden
    assert "c-limit-text" not in page
    assert "event 200002" not in page
    assert "<script>alert(1)" not in page


def test_a_rerun_keeps_what_was_judged(tmp_path):
    """The second run judges nothing again; a changed answer is judged."""
    lab = course.find("jsonb-search")
    answers = lab_source(lab).solutions()
    made = Course(tmp_path)
    made.submit("ada", lab, notebook(lab, answers))
    assert "1 judged, 0 judged before" in made.grade().output
    assert "0 judged, 1 judged before" in made.grade().output
    made.submit("ada", lab, notebook(lab, {**answers, "refunds": "SELECT 1"}))
    result = made.grade()
    assert "1 judged, 0 judged before" in result.output
    assert made.marks()["ada"]["check-refunds"] == 0


def test_regrade_shows_who_gains_before_it_is_written(tmp_path):
    """After a check was mended, and never over a mark that was given by hand."""
    from nbgrader.api import Gradebook

    lab = course.find("jsonb-search")
    answers = lab_source(lab).solutions()
    made = Course(tmp_path)
    made.submit("ada", lab, notebook(lab, answers))
    made.submit("ben", lab, notebook(lab, answers))
    assert made.grade().exit_code == 0
    trail = made.folder / ".labkit" / "audit.jsonl"
    older = trail.read_text().replace('"outcome": "pass", "earned": 1.0', '"outcome": "fail", "earned": 0.0')
    trail.write_text(older.replace(checks_key(lab), "of other checks"))  # as if a check had been too strict
    with Gradebook(f"sqlite:///{made.folder}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("check-index", lab.name, SECTION, "ben")
        grade.manual_score = 1.5
        gradebook.db.commit()
    assert "0 judged, 0 judged before, 2 judged by older checks" in made.grade().output
    dry = made.grade("--regrade", "--dry-run")
    assert "gains 6: ada, jsonb-search" in dry.output  # six of its checks are worth a point
    with Gradebook(f"sqlite:///{made.folder}/gradebook.db") as gradebook:
        gradebook.find_grade("check-index", lab.name, SECTION, "ada").auto_score = 0
        gradebook.db.commit()
    assert made.marks()["ada"]["check-index"] == 0
    assert made.grade("--regrade").exit_code == 0
    assert made.marks()["ada"]["check-index"] == lab.points["index"]
    with Gradebook(f"sqlite:///{made.folder}/gradebook.db") as gradebook:
        assert gradebook.find_grade("check-index", lab.name, SECTION, "ben").score == 1.5
    audited = CliRunner().invoke(audit.command, [SECTION, "--course", str(made.folder)])
    assert audited.exit_code == 0, audited.output
    assert "2 audited, 0 different" in audited.output
