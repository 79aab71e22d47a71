"""The examiner's report: what it says is right, and whatever an answer or a name holds stays text, in a real browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from markupsafe import escape

from labkit import course
from labkit.authoring.verify import candidates
from labkit.examiner import export_command, report_command
from labkit.gradebook import report
from tests.grading.graded_course import DUE, GradedCourse, check
from tests.grading.submissions import SECTION, Course, lab_source, notebook

pytestmark = pytest.mark.filterwarnings(
    "ignore:Object of type:sqlalchemy.exc.SAWarning"
)  # nbgrader's own, as it autoflushes


@pytest.fixture
def made(tmp_path, monkeypatch) -> Iterator[GradedCourse]:
    """Twelve submissions: one check that all pass, one that one in twelve passes, one that nobody passes; and two people missing."""
    with GradedCourse(tmp_path, monkeypatch) as made:
        for number in range(12):
            lost = check(
                "test_lost", "fail", why=f"{number} refunds are lost.", expected="12 rows", got=f"{number} rows"
            )
            verdicts = [
                check("test_all", sentence="The query runs.", seconds=0.01 * number),
                check("test_never", "fail", hidden=True, why="No index is read."),
                lost if number else check("test_lost"),
            ]
            made.hand_in(
                f"s{number}", "SELECT  1" if number % 3 else f"SELECT {number}", verdicts, first_name=f"N{number}"
            )
        made.student("late-riser", first_name="Rip", last_name="van Winkle")
        made.student("ghost")
        made.hand_in("torn", b"{", None)
        made.fault("s3", "The server was gone.")
        made.fault("torn", "The disk was full.")
        made.fault("gone-since", "The host was out of memory.")
        yield made


def page(*options: str) -> str:
    """Runs the command in the course's folder."""
    result = CliRunner().invoke(report_command.command, [SECTION, *options])
    assert result.exit_code == 0, result.output
    assert "students, 2 of them missing" in result.output
    return Path(f"report-{SECTION}.html").read_text(encoding="utf-8")


def text_of(html: str) -> str:
    """What a reader sees, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html[html.index("<body>") :]).split())


def test_what_was_not_checked_is_neither_passed_nor_failed(tmp_path, monkeypatch):
    """A check that comes after one that failed: the report has it apart, also where nobody has come that far."""
    with GradedCourse(tmp_path, monkeypatch) as course:
        late, never = (
            check("test_late", "unchecked", why="Not checked."),
            check("test_never", "unchecked", why="Not checked."),
        )
        course.hand_in("ada", "SELECT 1", [check("test_first", "fail"), late, never])
        course.hand_in("bob", "SELECT 2", [check("test_first"), check("test_late"), never])
        result = CliRunner().invoke(report_command.command, [SECTION])
    assert result.exit_code == 0, result.output
    text = text_of(Path(f"report-{SECTION}.html").read_text(encoding="utf-8"))
    assert "100 % of 1, 1 not checked" in text
    assert "0 % of 0, 2 not checked" in text


def test_says_who_what_and_which_check_is_suspicious(made):
    """Numbers, the missing, the faults, and the checks that say nothing of the answers."""
    made.mark("s1", "refunds", manual_score=8)
    made.penalise("s2", 1, DUE + timedelta(hours=5))
    html = page()
    text = text_of(html)
    assert "15 students 12 graded 1 not graded 2 missing" in text
    assert "jsonb-search: The query runs. 12 of 12 passed. All pass" in text
    assert "(hidden) 0 of 12 passed. Nearly all fail" in text
    assert text.count("Nearly all fail") == 2  # above and in the table; not test_lost, which one in twelve passes
    # The chart's alternative text, of 12 points: s2 has 2 - 1, nine have 2, s0 has 4, s1 has 8 by hand.
    assert "0 to 10 %: 1; 10 to 20 %: 9; 30 to 40 %: 1; 60 to 70 %: 1." in html
    missing = html[html.index('id="missing"') : html.index('id="not-judged"')]
    assert "van Winkle, Rip" in missing
    assert "ghost" in missing
    assert "torn" not in missing
    assert "Faults of the course: 3, of which 2 are open." in text
    assert "The server was gone. judged" in text
    assert "The disk was full. open" in text
    assert "5.0 h" in text
    assert "✎" in html
    assert "jsonb-search.ipynb is not JSON" in text


def test_wrong_answers_are_grouped_by_reason_with_the_most_frequent_as_example():
    """Numbers in a reason do not part the group; spaces do not part two answers."""
    lost = [check("t", "fail", why=f"{n} refunds are lost.", got=str(n)) for n in (3, 4, 5)]
    other = check("t", "fail", why="It reads all.")
    found = report.wrong_answers([(lost[0], "SELECT 1"), (other, "X"), (lost[1], "SELECT  2"), (lost[2], "SELECT\n2")])
    assert [(w.count, w.why, w.example, w.same, w.got) for w in found] == [
        (3, "4 refunds are lost.", "SELECT  2", 2, "4"),
        (1, "It reads all.", "X", 1, ""),
    ]


@pytest.mark.parametrize(
    ("passed", "judged", "said"),
    [(4, 4, ""), (5, 5, "All pass"), (0, 4, ""), (0, 5, "Nearly all fail"), (1, 20, ""), (1, 21, "Nearly all fail")],
)
def test_a_check_is_suspicious_when_all_pass_or_over_95_per_cent_fail(passed, judged, said):
    """From five submissions on."""
    row = report.CheckRow(report.Check("lab", "t", False), check("t"), passed, [0.1] * judged)
    assert row.suspicious.startswith(said)
    assert bool(row.suspicious) == bool(said)


def test_distribution_counts_every_mark_once():
    """A tenth each; full marks and extra credit in the last."""
    bars = report.distribution([0, 0.9, 1, 9.99, 10, 12, None], 10)
    assert [bar.count for bar in bars] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]


def test_anonymous_has_no_name_anywhere(made):
    """Neither names nor ids, not even in a file's path."""
    html = page("--anonymous")
    for name in ("van Winkle", "late-riser", "ghost", "torn", "N7", ">s3<", "gone-since"):
        assert name not in html
    assert "Student 15" in html


@pytest.mark.nbgrader
@pytest.mark.slow
def test_after_a_real_run(tmp_path):
    """Two graded submissions: the report has the hidden check that one failed, with its answer, and the export has the gradebook's marks."""
    lab = course.find("jsonb-search")
    wrong = next(c for c in candidates(lab, lab_source(lab)) if c.name == "wrong/jsonpath-loses-text")
    made = Course(tmp_path / "course")
    made.submit("ada", lab, notebook(lab, lab_source(lab).solutions()))
    made.submit("ben", lab, notebook(lab, wrong.answers))
    assert made.grade("--jobs", "1").exit_code == 0
    options = [SECTION, "--course", str(made.folder), "--output"]
    result = CliRunner().invoke(report_command.command, [*options, str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 students 2 graded 0 not graded 0 missing" in text_of(html)
    assert str(escape(wrong.answers["refunds"].strip())) in html
    result = CliRunner().invoke(export_command.command, [*options, str(tmp_path / "marks.csv"), "--format", "csv"])
    assert result.exit_code == 0, result.output
    with (tmp_path / "marks.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {who: float(row[SECTION]) for who, row in rows.items()} == {
        who: sum(grades.values()) for who, grades in made.marks().items()
    }
    failed = [check for check, outcome in rows["ben"].items() if outcome == "fail"]
    assert failed
    assert all(rows["ada"][check] == "pass" for check in failed)
