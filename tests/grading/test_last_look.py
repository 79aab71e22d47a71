"""After marking, a last look: who has verdicts and no mark, for whatever reason, is named with it, and all others have theirs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.small_course import ANSWERS, SECTION, SmallCourse

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]


@pytest.fixture
def exam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCourse:
    """Three students with 2 points each."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    made = SmallCourse(tmp_path / "exam")
    for student in ("ada", "ben", "zoe"):
        made.submit(student, f"{ANSWERS[0][0]} -- {student}")
    return made


def a_file_in_its_place(exam: SmallCourse) -> None:
    (exam.exam / "autograded").mkdir()
    (exam.exam / "autograded" / "ben").write_text("")


def a_link_in_its_place(exam: SmallCourse) -> None:
    (exam.exam / "elsewhere").mkdir()
    (exam.exam / "autograded" / "ben").mkdir(parents=True)
    os.symlink("/dev/full", exam.exam / "autograded" / "ben" / SECTION)


def a_trigger_in_the_gradebook(exam: SmallCourse) -> None:
    """As a database that is damaged in one row."""
    with sqlite3.connect(exam.exam / "gradebook.db") as book:
        book.execute(
            "CREATE TRIGGER no BEFORE INSERT ON submitted_assignment WHEN NEW.student_id = 'ben' BEGIN SELECT RAISE(ABORT, 'damaged'); END"
        )


def a_mark_that_is_lost(exam: SmallCourse) -> None:
    with sqlite3.connect(exam.exam / "gradebook.db") as book:
        book.execute(
            "CREATE TRIGGER no AFTER UPDATE ON grade WHEN NEW.auto_score IS NOT NULL AND EXISTS (SELECT 1 FROM submitted_notebook n "
            "JOIN submitted_assignment a ON n.assignment_id = a.id WHERE n.id = NEW.notebook_id AND a.student_id = 'ben') "
            "BEGIN UPDATE grade SET auto_score = NULL WHERE id = NEW.id; END"
        )


KINDS: tuple[Callable[[SmallCourse], None], ...] = (
    a_file_in_its_place,
    a_link_in_its_place,
    a_trigger_in_the_gradebook,
    a_mark_that_is_lost,
)


@pytest.mark.parametrize("broken", KINDS)
def test_who_has_no_mark_is_named_and_the_others_have_theirs(
    broken: Callable[[SmallCourse], None], exam: SmallCourse
) -> None:
    broken(exam)
    process = exam.start("-m", "labkit", "grade", SECTION, "--jobs", "1")
    said, _ = process.communicate()
    marks = {student: mark for student, mark in exam.marks().items() if mark}
    assert "Traceback" not in said
    if "ben" in marks:  # it was mended
        assert (process.returncode, marks) == (0, {"ada": 2.0, "ben": 2.0, "zoe": 2.0}), said
        return
    assert process.returncode == 1, said
    assert marks == {"ada": 2.0, "zoe": 2.0}, said
    assert "ben: no mark: " in said
    assert "1 have no mark" in said


def test_nothing_is_said_where_all_have_theirs(exam: SmallCourse) -> None:
    assert "no mark" not in exam.grade()
