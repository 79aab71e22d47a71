"""An exam has the labs that it was made of, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit import course
from labkit.examiner import course_command, report_command
from tests.grading.submissions import SECTION, Course, lab_source, notebook

LAB, OTHER = course.find("jsonb-search"), course.find("no-double-booking")


def make(folder: Path, *labs: str) -> Result:
    return CliRunner().invoke(course_command.command, [str(folder), *labs])


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """A course of one lab."""
    folder = tmp_path_factory.mktemp("exam")
    assert make(folder, LAB.name).output.startswith(f"{SECTION}: 1 lab\n")
    return folder


@pytest.mark.nbgrader
@pytest.mark.slow
def test_only_its_labs_are_graded_and_reported(exam, tmp_path):
    """A lab that is not part of it is left out with a line, and nobody gets 0 for what was not asked."""
    made = Course(tmp_path / "course", made=exam)
    made.submit("ada", LAB, notebook(LAB, lab_source(LAB).solutions()))
    made.submit("ada", OTHER, notebook(OTHER, lab_source(OTHER).solutions()))
    graded = made.grade("--jobs", "1")
    assert graded.exit_code == 0
    assert f"{OTHER.name}.ipynb is no lab of {SECTION} in this course; it is left out" in graded.output
    assert set(made.marks()["ada"]) == {f"check-{name}" for name in LAB.answers}
    page = tmp_path / "page.html"
    options = [SECTION, "--course", str(made.folder), "--output", str(page)]
    assert CliRunner().invoke(report_command.command, options).exit_code == 0
    assert LAB.name in page.read_text(encoding="utf-8")
    assert OTHER.name not in page.read_text(encoding="utf-8")


@pytest.mark.nbgrader
@pytest.mark.slow
def test_it_stays_what_it_is_until_a_lab_is_added(exam, tmp_path):
    made = Course(tmp_path / "course", made=exam)
    source = made.folder / "source" / SECTION
    (source / f"{LAB.name}.ipynb").write_text("older")
    assert make(made.folder).output.startswith(f"{SECTION}: 1 lab\n")
    assert (source / f"{LAB.name}.ipynb").read_bytes() == (course.root() / LAB.exercise).read_bytes()
    assert make(made.folder, OTHER.key).output.startswith(f"{SECTION}: 2 labs\n")
    assert {path.stem for path in source.iterdir()} == {LAB.name, OTHER.name}


def test_a_lab_that_there_is_not_makes_no_course(tmp_path):
    """The error names those that there are."""
    refused = make(tmp_path / "exam", "jsonb-serach")
    assert refused.exit_code == 1
    assert LAB.key in refused.output
    assert not (tmp_path / "exam").exists()
