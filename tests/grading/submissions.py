"""Submissions for the tests: notebooks of a lab with given answers, in an nbgrader course of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from labkit import course, source
from labkit.course import answer_cells
from labkit.examiner import course_command, grade_command

SECTION = "91-databases"


def lab_source(lab: course.Lab) -> source.Source:
    """The source of a lab."""
    return source.read(course.root() / "solutions" / lab.section / f"{lab.name}.md")


def notebook(lab: course.Lab, answers: dict[str, str]) -> dict[str, Any]:
    """The lab's exercise with these answers filled in; the others are left as stubs."""
    made = json.loads((course.root() / lab.exercise).read_text(encoding="utf-8"))
    for cell in made["cells"]:
        name = answer_cells.answer_name("".join(cell["source"])) if cell["cell_type"] == "code" else None
        if name in answers:
            cell["source"] = f"%%answer {name}\n{answers[name]}"
    return made


def answer_cell(made: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell of a notebook that nbgrader knows by this name."""
    return next(cell for cell in made["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def nbgrader(folder: Path, *arguments: str) -> None:
    """Runs nbgrader as an examiner does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


@cache
def made_once() -> Path:
    """A course as `labkit course` makes it, which takes ten seconds; it goes with the session's folder for temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="course-"), "course")
    result = CliRunner().invoke(course_command.command, [str(folder)])
    assert result.exit_code == 0, result.output
    return folder


class Course:
    """An nbgrader course in a folder."""

    def __init__(self, folder: Path, *, made: Path | None = None) -> None:
        self.folder = folder
        shutil.copytree(made or made_once(), folder, dirs_exist_ok=True)

    def submit(self, student: str, lab: course.Lab, content: dict[str, Any] | bytes | str) -> Path:
        """Hands in a notebook, or whatever bytes stand in its place."""
        path = self.folder / "submitted" / student / lab.section / f"{lab.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def grade(self, *options: str) -> Result:
        """Runs `labkit grade` on the section, in this process."""
        here = Path.cwd()
        try:
            return CliRunner().invoke(grade_command.command, [SECTION, "--course", str(self.folder), *options])
        finally:
            os.chdir(here)

    def marks(self, section: str = SECTION, notebook: str = "") -> dict[str, dict[str, float]]:
        """What nbgrader's gradebook holds of a section, or of one notebook in it: student -> grade cell -> points.

        Grade cells of two notebooks may have one name.
        """
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as gradebook:
            return {
                submission.student.id: {
                    grade.name: grade.auto_score
                    for handed_in in submission.notebooks
                    if notebook in ("", handed_in.name)
                    for grade in handed_in.grades
                }
                for submission in gradebook.assignment_submissions(section)
            }
