"""nbgrader's own settings, of the course's folder or of the user's Jupyter folder: marks are read where they are written, and no other course is touched."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.faults.small_course import ANSWERS, LAB, SECTION, SmallCourse

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]


@pytest.fixture
def exam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCourse:
    """With one submission, of 2 points."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    made = SmallCourse(tmp_path / "exam")
    made.submit("ada", ANSWERS[0][0])
    return made


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own Jupyter folder."""
    folder = tmp_path / "jupyter"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(folder))
    return folder


def marks(book: Path) -> float | None:
    """The points in a gradebook; None where there are none."""
    if not book.exists():
        return None
    with sqlite3.connect(book) as gradebook:
        return gradebook.execute("SELECT sum(auto_score) FROM grade").fetchone()[0]


def exported(exam: SmallCourse) -> float | None:
    said = exam.labkit("export", SECTION, "--format", "json")
    data, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    return next(one["score"] for one in data["students"] if one["student"] == "ada")


def tree(folder: Path) -> dict[str, Any]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("where", ["the course's", pytest.param("the user's", marks=pytest.mark.full)])
@pytest.mark.parametrize("url", ["sqlite:///{tmp}/marks of 2031.db", "sqlite:///{tmp}/exam/other.db"])
def test_marks_are_read_where_they_are_written(
    url: str, where: str, exam: SmallCourse, jupyter: Path, tmp_path: Path
) -> None:
    address = url.format(tmp=tmp_path)
    setting = f"\nc = get_config()\nc.CourseDirectory.db_url = {address!r}\n"
    with ((exam.exam if where == "the course's" else jupyter) / "nbgrader_config.py").open("a") as file:
        file.write(setting)
    before = marks(exam.exam / "gradebook.db")
    assert "ada: no mark: No assignment" in exam.grade(status=1)  # of a new one, with what to do:
    exam.labkit("course", ".")
    exam.grade()
    assert marks(Path(address.removeprefix("sqlite:///"))) == 2.0
    assert marks(exam.exam / "gradebook.db") == before
    assert exported(exam) == 2.0
    exam.labkit("report", SECTION)
    assert "0 judged, 1 judged before" in exam.grade()


@pytest.mark.parametrize(
    ("url", "said"),
    [("postgresql://nowhere.invalid/marks", "gradebook"), ("not a url", "gradebook"), ("sqlite:////nonexistent/x/marks.db", "gradebook")],
)  # fmt: skip
def test_a_gradebook_that_cannot_be_opened_is_a_line(url: str, said: str, exam: SmallCourse) -> None:
    """Before anything is judged for it."""
    with (exam.exam / "nbgrader_config.py").open("a") as file:
        file.write(f"c.CourseDirectory.db_url = {url!r}\n")
    for words in (("grade", SECTION), ("report", SECTION), ("export", SECTION, "--format", "csv")):
        told = exam.labkit(*words, status=1)
        assert "Traceback" not in told
        assert said in told.lower(), told


FOREIGN = (  # what stands in the user's own file, and what a line says where it means that there is no mark
    ("c.CourseDirectory.root = {root!r}", ""),
    ("c.CourseDirectory.root = {root!r}\nc.CourseDirectory.course_id = 'another'", ""),
    ("c.CourseDirectory.submitted_directory = 'handed-in'\nc.CourseDirectory.autograded_directory = 'graded'", ""),
    (
        "c.CourseDirectory.student_id = 'nobody'\nc.CourseDirectory.ignore = ['*']\nc.CourseDirectory.max_file_size = 0",
        "",
    ),
    ("c.Autograde.create_student = False", "ada: no mark: No student with ID 'ada'"),
    ("c.ClearSolutions.enforce_metadata = True\nc.Autograde.force = True\nc.Application.log_level = 'DEBUG'", ""),
    ("c.NbGrader.logfile = '/nonexistent/log'", "/nonexistent/log"),
    ("c.ExecutePreprocessor.timeout = 1\nc.Autograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute']", ""),
)


@pytest.mark.parametrize(
    ("text", "line"), [FOREIGN[0], *(pytest.param(*one, marks=pytest.mark.full) for one in FOREIGN[1:])]
)
def test_another_courses_settings_change_neither_marks_nor_that_course(
    text: str, line: str, exam: SmallCourse, jupyter: Path, tmp_path: Path
) -> None:
    """Either it is graded as it always is, or a line says which setting stands in the way; the other course stays as it is."""
    other = tmp_path / "another course"
    (other / "submitted" / "eve" / SECTION).mkdir(parents=True)
    (other / "submitted" / "eve" / SECTION / f"{LAB}.ipynb").write_text("{}")
    (jupyter / "nbgrader_config.py").write_text("c = get_config()\n" + text.format(root=str(other)) + "\n")
    before = tree(other)
    process = exam.start("-m", "labkit", "grade", SECTION, "--jobs", "1")
    said, _ = process.communicate()
    assert tree(other) == before
    assert "Traceback" not in said
    assert (process.returncode == 0, line in said) == (not line, True), said
    assert exam.marks() == ({} if line else {"ada": 2.0})
    if not line:
        assert exported(exam) == 2.0


def test_a_course_inside_of_a_link_and_with_odd_names(exam: SmallCourse, tmp_path: Path) -> None:
    """nbgrader puts paths together with patterns and formats."""
    for name in ("exam [WS 26]", "{student_id}", "100 %", "exam*"):
        copy = exam.copy(tmp_path / "real" / name)
        link = tmp_path / f"link to {name}"
        os.symlink(copy.exam, link)
        copy.exam = link
        copy.grade()
        assert copy.marks() == {"ada": 2.0}
        assert exported(copy) == 2.0
