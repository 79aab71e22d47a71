"""One run over very many broken submissions: a line for each, and nobody else's mark is touched. And plain nbgrader gives the same marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.grading.verdict_store import STORE
from tests.grading import broken_submissions
from tests.grading.broken_submissions import FULL, KINDS, LAB, SECTION, SOLUTIONS, drawn, folders_of_nobody
from tests.grading.submissions import Course, nbgrader, notebook

SEED = 20310101
HONEST = ("aa-honest", "s005-honest", "zz-honest")

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]


@pytest.mark.parametrize(
    "count", [pytest.param(len(KINDS), id="one of each kind"), pytest.param(72, id="many", marks=pytest.mark.full)]
)
def test_each_gets_a_line_and_what_it_is_worth(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made, students = Course(tmp_path), drawn(count, SEED)
    for student in HONEST:
        made.submit(student, LAB, notebook(LAB, SOLUTIONS))
    for one in students:
        one.hand_in(made.folder / "submitted")
    of_nobody = folders_of_nobody(made.folder / "submitted")
    result = made.grade("--jobs=1")
    said = " ".join(result.output.split())
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "students are marked" in result.output
    for line in of_nobody:
        assert line in said
    for one in students:
        if one.told:
            assert f"{one.student}" in said, one.student
    marks = {student: sum(grades.values()) for student, grades in made.marks().items() if None not in grades.values()}
    expected = {one.student: one.earns for one in students if one.earns is not None} | dict.fromkeys(HONEST, FULL)
    assert {student: marks.get(student) for student in expected} == expected
    _the_same_by_plain_nbgrader(tmp_path / "plain", made.folder / STORE, students, expected)


def _the_same_by_plain_nbgrader(folder: Path, store: Path, students: list, expected: dict[str, float]) -> None:
    """With the verdicts that are known: what is compared is how the files are read."""
    plain = Course(folder)
    for one in students:
        if one.content is not None:
            one.hand_in(plain.folder / "submitted")
    (plain.folder / STORE).parent.mkdir(exist_ok=True)
    store.rename(plain.folder / STORE)
    nbgrader(plain.folder, "autograde", SECTION, "--log-level=CRITICAL")
    marks = {student: sum(grades.values()) for student, grades in plain.marks().items()}
    assert {student: mark for student, mark in expected.items() if student not in HONEST} == marks


def test_the_same_seed_draws_the_same():
    assert drawn(30, 1) == drawn(30, 1) != drawn(30, 2)
    assert {one.student.partition("-")[2] for one in drawn(len(KINDS), 3)} == set(broken_submissions.KINDS)
