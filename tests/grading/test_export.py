"""Exports: the columns that Moodle and Canvas import, marks as nbgrader has them, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner

from labkit.examiner import export_command
from labkit.gradebook import export
from tests.grading.graded_course import DUE, GradedCourse, check
from tests.grading.submissions import SECTION

pytestmark = pytest.mark.filterwarnings(
    "ignore:Object of type:sqlalchemy.exc.SAWarning"
)  # nbgrader's own, as it autoflushes

PASSED = [check("test_a"), check("test_b"), check("test_b", hidden=True, outcome="fail")]
MAX = 12.0  # points of jsonb-search


@pytest.fixture
def made(tmp_path, monkeypatch) -> Iterator[GradedCourse]:
    """Marks of every kind: by the checks, by hand, late; and three without one."""
    with GradedCourse(tmp_path, monkeypatch) as made:
        fill(made)
        yield made


def fill(made: GradedCourse) -> None:
    """Hands in for six students."""
    about = {"first_name": "Ada", "last_name": "Lovelace, Countess", "email": "ada@example.org", "lms_user_id": "4711"}
    made.hand_in("ada", "SELECT 1", PASSED, **about)
    made.hand_in("ben", "SELECT 2", PASSED, lms_user_id="sis-7")
    made.mark("ben", "refunds", manual_score=5.5, extra_credit=0.25)
    made.hand_in("cem@example.org", "SELECT 3", PASSED)
    made.penalise("cem@example.org", 1.5, DUE + timedelta(hours=3))
    made.hand_in("dot", "SELECT 4", None)
    made.student("eva")
    made.hand_in("fay", b"not a notebook", None)


def run(name: str, *options: str):
    """Runs the command in the course's folder."""
    result = CliRunner().invoke(export_command.command, [SECTION, "--format", name, *options])
    assert result.exit_code == 0, result.output
    return result


def rows(text: str) -> list[dict[str, str]]:
    """A CSV file's rows."""
    return list(csv.DictReader(io.StringIO(text)))


def test_moodle_gets_its_columns_and_only_marks(made):
    """First the columns that Moodle can map to a user, then the grade item; without the students who have no mark."""
    result = run("moodle", "--column", "Databases")
    assert (
        result.stdout.splitlines()[0] == '"First name","Last name","ID number","Username","Email address","Databases"'
    )
    got = {row["Username"]: row for row in rows(result.stdout)}
    assert {name: row["Databases"] for name, row in got.items()} == {
        "ada": "4",
        "ben": "5.75",
        "cem@example.org": "2.5",
    }
    assert got["ada"]["Email address"] == "ada@example.org"
    assert got["ada"]["ID number"] == "4711"
    assert got["cem@example.org"]["Email address"] == "cem@example.org"
    assert "left out: dot (not graded)" in result.stderr
    assert "left out: eva (missing)" in result.stderr
    assert "left out: fay (not graded)" in result.stderr


def test_canvas_gets_its_columns_and_points_possible(made):
    """The five columns of a student, the assignment, and the row of possible points before all others."""
    text = run("canvas", "--column", "Databases (123)").stdout
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Databases (123)"]
    assert lines[1] == ["Points Possible", "", "", "", "", "12"]
    assert ["Lovelace, Countess, Ada", "4711", "", "ada", "", "4"] in lines
    assert ["ben", "", "sis-7", "ben", "", "5.75"] in lines
    assert len(lines) == 5


def test_csv_has_everybody_each_lab_and_each_check(made):
    """Whoever has no mark has an empty one, never 0."""
    got = {row["student_id"]: row for row in rows(run("csv").stdout)}
    assert {name: row["status"] for name, row in got.items()} == {
        "ada": "graded",
        "ben": "graded",
        "cem@example.org": "graded",
        "dot": "not graded",
        "eva": "missing",
        "fay": "not graded",
    }
    assert [got[name][SECTION] for name in ("dot", "eva", "fay")] == ["", "", ""]
    cem = got["cem@example.org"]
    assert (cem["raw_score"], cem["late_penalty"], cem[SECTION], cem["hours_late"]) == ("4", "1.5", "2.5", "3")
    assert got["ada"]["jsonb-search"] == "4"
    assert got["ada"]["jsonb-search/test_b"] == "pass"
    assert got["ada"]["jsonb-search/test_b (hidden)"] == "fail"
    assert got["dot"]["jsonb-search/test_b"] == ""


def test_json_tells_marks_by_hand_apart(made, tmp_path):
    """Each answer's mark by the checks and by hand; written to a file."""
    run("json", "--output", str(tmp_path / "marks.json"))
    data = json.loads((tmp_path / "marks.json").read_text())
    assert data["max_score"] == MAX
    students = {student["student"]: student for student in data["students"]}
    refunds = students["ben"]["labs"]["jsonb-search"]["answers"]["refunds"]
    assert refunds == {"auto": 4.0, "manual": 5.5, "extra": 0.25, "score": 5.75}
    assert students["ben"]["score"] == 5.75
    assert students["eva"]["score"] is None
    assert students["fay"]["labs"]["jsonb-search"]["problem"].startswith("jsonb-search.ipynb is not JSON")


@pytest.mark.parametrize("name", ["csv", "moodle", "canvas"])
def test_no_cell_is_a_formula(made, name):
    """A name that a spreadsheet would run has a quote before it; a line's end in it starts no row."""
    bad = {"first_name": "@SUM(A1)", "last_name": '=HYPERLINK("http://127.0.0.1/"&A1)', "email": "+1@example.org"}
    made.hand_in("-2+3", "SELECT 5", PASSED, lms_user_id="\t=1+1", **bad)
    made.hand_in("gus", "SELECT 6", PASSED, last_name="\r\n=cmd|' /C calc'!A0")
    result = run(name, "--column", "=1+1")
    cells = [cell for line in csv.reader(io.StringIO(result.stdout)) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    for value in ("'-2+3", "'=1+1"):
        assert value in cells
    assert any(cell.startswith(("'=HYPERLINK", "'=HYPER")) for cell in cells)
    if name != "csv":
        assert "enter by hand: '-2+3'" in result.stderr


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Ada", "Ada"),
        ("=1", "'=1"),
        (" =1", "'=1"),
        ("＝1", "'＝1"),
        ("a=b", "a=b"),
        ("\0=1", "'=1"),
        ("O'Neil", "O'Neil"),
    ],
)
def test_defused(text, cell):
    """Only what a spreadsheet could run is changed."""
    assert export.defused(text) == cell


def test_moodle_is_told_of_marks_over_its_maximum(made):
    """Moodle refuses marks over 100 unless its site allows them."""
    made.mark("ada", "refunds", manual_score=101)
    assert "unlimitedgrades" in run("moodle").stderr


def test_a_folder_without_a_gradebook_says_what_to_do(tmp_path, monkeypatch):
    """And no gradebook is made by looking."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(export_command.command, [SECTION, "--format", "csv"])
    assert result.exit_code == 1
    assert f"labkit grade {SECTION}" in result.output
    assert not list(tmp_path.iterdir())
