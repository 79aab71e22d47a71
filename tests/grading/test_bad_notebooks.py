"""Whatever is handed in as a notebook gets a clear line, and the others are graded all the same."""

from __future__ import annotations

import copy
import json

import pytest

from labkit import course
from labkit.course import submission
from tests.grading.submissions import Course, answer_cell, lab_source, nbgrader, notebook

LAB = "jsonb-search"


@pytest.fixture
def lab() -> course.Lab:
    return course.find(LAB)


@pytest.fixture
def solved(lab):
    return notebook(lab, lab_source(lab).solutions())


UNREADABLE = {
    "not JSON": (b"{'cells': []}", "is not JSON"),
    "empty": (b"", "is empty"),
    "old format": (b'{"nbformat": 3, "worksheets": []}', "notebook format 3; format 4 is needed"),
    "no notebook": (b'["a", "list"]', "is no notebook"),
    "no cells": (b'{"nbformat": 4, "cells": 7}', "has no list of cells"),
    "binary": (b'{"nbformat": 4, "cells": ["\xff\xfe\x00"]}', "is not text in UTF-8"),
    "deep": (b"[" * 100_000, "is not JSON"),
    "a number in an answer": (
        b'{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": ["%%answer index\\n", 1]}]}',
        "something else than text in the cell of answer 'index'",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_is_told_in_one_line(kind, tmp_path, lab):
    content, told = UNREADABLE[kind]
    path = tmp_path / "jsonb-search.ipynb"
    path.write_bytes(content)
    with pytest.raises(submission.BadSubmission) as caught:
        submission.read(path, lab)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_told_in_one_line(tmp_path, lab):
    path = tmp_path / "jsonb-search.ipynb"
    path.mkdir()  # unreadable for root, too
    with pytest.raises(submission.BadSubmission, match="cannot be read"):
        submission.read(path, lab)


def read_changed(tmp_path, lab, made) -> submission.Submission:
    path = tmp_path / "jsonb-search.ipynb"
    path.write_text(json.dumps(made), encoding="utf-8")
    return submission.read(path, lab)


def test_a_missing_answer_is_remarked_and_the_cell_put_back(tmp_path, lab, solved):
    solved["cells"].remove(answer_cell(solved, "refunds"))
    solved["cells"].remove(answer_cell(solved, "check-refunds"))
    found = read_changed(tmp_path, lab, solved)
    assert found.remarks == ["'refunds' is missing"]
    assert found.answers["refunds"].startswith("-- your")  # as one that nobody touched
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in found.cells if "nbgrader" in cell["metadata"]]
    assert sorted(ids) == ["check-index", "check-refunds", "index", "refunds"]


def test_of_a_duplicated_answer_the_last_counts(tmp_path, lab, solved):
    second = copy.deepcopy(answer_cell(solved, "refunds"))
    second["source"] = "%%answer refunds\nSELECT 2"
    solved["cells"].append(second)
    found = read_changed(tmp_path, lab, solved)
    assert found.answers["refunds"] == "SELECT 2"
    assert found.remarks == ["'refunds' is there more than once; the last one counts"]


def test_a_renamed_answer_is_found_by_its_metadata(tmp_path, lab, solved):
    answer_cell(solved, "refunds")["source"] = "%%answer repayments\nSELECT 3"
    assert read_changed(tmp_path, lab, solved).answers["refunds"] == "SELECT 3"


def test_an_answer_without_metadata_is_found_by_its_first_line(tmp_path, lab, solved):
    for cell in solved["cells"]:
        cell["metadata"] = {}
    found = read_changed(tmp_path, lab, solved)
    assert found.answers == lab_source(lab).solutions()
    assert any("had lost its metadata" in remark for remark in found.remarks)


def test_an_edited_grade_cell_is_put_back(tmp_path, lab, solved):
    cell = answer_cell(solved, "check-refunds")
    cell["source"] = "print('full marks')"
    cell["metadata"]["nbgrader"]["points"] = 1000
    found = read_changed(tmp_path, lab, solved)
    restored = answer_cell({"cells": found.cells}, "check-refunds")
    assert restored["source"] == "%check refunds"
    assert restored["metadata"]["nbgrader"]["points"] == lab.points["refunds"]
    assert "'check-refunds' was edited; it was put back as released" in found.remarks


def test_the_notebook_of_another_lab_is_remarked(tmp_path, lab, solved):
    solved["metadata"]["lab"]["name"] = "no-double-booking"
    assert "this is the notebook of 'no-double-booking'" in read_changed(tmp_path, lab, solved).remarks[0]


@pytest.mark.nbgrader
@pytest.mark.slow
def test_one_broken_file_costs_that_notebook_only(tmp_path, lab, solved):
    """In plain nbgrader, too: the learner's other notebook gets its marks, and feedback says what was wrong with the file."""
    made = Course(tmp_path)
    other = course.find("no-double-booking")
    made.submit("ada", lab, solved)
    made.submit("ada", other, b'{"cut": off')
    nbgrader(made.folder, "autograde", lab.section)
    nbgrader(made.folder, "generate_feedback", lab.section)
    marks = made.marks()["ada"]
    assert marks["check-refunds"] == lab.points["refunds"]
    assert all(marks[f"check-{name}"] == 0 for name in other.answers)
    page = (made.folder / "feedback" / "ada" / other.section / f"{other.name}.html").read_text(encoding="utf-8")
    assert "This notebook could not be read." in page
    assert "no-double-booking.ipynb is not JSON" in page


@pytest.mark.nbgrader
@pytest.mark.slow
def test_bad_ones_get_a_line_and_the_others_their_marks(tmp_path, lab, solved):
    """One run over all kinds of bad notebooks, through nbgrader, beside a good one that is late."""
    from nbgrader.api import Gradebook

    made = Course(tmp_path)
    with Gradebook(f"sqlite:///{made.folder}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(lab.section, duedate="2030-12-31 22:00:00 UTC")
    made.submit("good", lab, solved)
    (made.folder / "submitted" / "good" / lab.section / "timestamp.txt").write_text("2031-01-01 10:00:00 UTC")
    for kind, (content, _) in UNREADABLE.items():
        made.submit(kind.replace(" ", "-"), lab, content)
    huge = copy.deepcopy(solved)
    huge["cells"][0] |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}]}
    made.submit("huge-outputs", lab, huge)
    kernelless = copy.deepcopy(solved)
    del kernelless["metadata"]["kernelspec"]
    made.submit("no-kernel", lab, kernelless)
    long = copy.deepcopy(solved)
    answer_cell(long, "refunds")["source"] = "%%answer refunds\n" + "-- long\n" * 125_000
    made.submit("long-answer", lab, long)
    binary = copy.deepcopy(solved)
    answer_cell(binary, "refunds")["source"] = "%%answer refunds\nSELECT '\0\1\2\x7f'"
    made.submit("binary-answer", lab, binary)
    gone = copy.deepcopy(solved)
    gone["cells"] = [cell for cell in gone["cells"] if "nbgrader" not in cell["metadata"]]
    made.submit("all-cells-gone", lab, gone)
    result = made.grade()
    assert result.exit_code == 1, result.output
    assert "good: handed in 12.0 hours late" in result.output
    for kind, (_, told) in UNREADABLE.items():
        assert f"{kind.replace(' ', '-')}: " in result.output.replace("\n", " ")
        assert told in " ".join(result.output.split())
    marks = made.marks()
    full = sum(lab.points.values())
    totals = {student: sum(score or 0 for score in grades.values()) for student, grades in marks.items()}
    assert totals["good"] == totals["huge-outputs"] == totals["no-kernel"] == full
    assert totals["long-answer"] == totals["binary-answer"] == lab.points["index"]
    assert totals["all-cells-gone"] == 0
    assert all(totals.get(kind.replace(" ", "-"), 0) == 0 for kind in UNREADABLE)
