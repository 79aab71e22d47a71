"""The learner's copy of the course, and answers typed into it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

from labkit import course, source
from labkit.course import answer_cells
from tests.room import COURSE


def publish(folder: Path) -> Path:
    """Publish the course into the folder, which is not there yet."""
    command = [sys.executable, "-c", "from labkit.cli import main; main()", "publish", str(folder)]
    subprocess.run(command, cwd=COURSE, check=True, stdout=subprocess.DEVNULL)
    return folder


def solutions(lab: str) -> dict[str, str]:
    """The lab's solutions by the names of their answers."""
    return source.read(COURSE / "solutions" / f"{lab}.md").solutions()


def fill_in(copy: Path, lab: str) -> Path:
    """Type the solutions into the exercise of a learner's copy; the notebook, relative to the copy."""
    path = Path("exercises", f"{lab}.ipynb")
    notebook, answers = nbformat.read(copy / path, as_version=4), solutions(lab)
    for cell in notebook.cells:
        if name := answer_cells.answer_name(cell.source):
            cell.source = f"%%answer {name}\n{answers.pop(name)}"
    if answers:
        raise course.CourseError(f"{path} has no cell for {', '.join(answers)}.")
    nbformat.write(notebook, copy / path)
    return path
