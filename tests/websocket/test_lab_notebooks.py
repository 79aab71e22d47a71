"""The section's labs as a learner runs them: from the first cell to the last, with the stub, with the solution, and with one that does not run."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient

from labkit import course, source

LABS = [lab.key for lab in course.labs("95-websockets")]
PATIENCE = 300  # seconds of a cell
ALT = re.compile(r'<img [^>]*alt="(?P<alt>[^"]*)"')
LONGEST = 15  # lines of a cell that is not an answer

pytestmark = pytest.mark.slow


def run(key: str, answers: dict[str, str]) -> str:
    """The notebook with these answers, run from top to bottom; all that it shows."""
    lab = course.find(key)
    notebook = nbformat.read(course.root() / lab.exercise, as_version=4)
    for cell in notebook.cells:
        if cell.source.startswith("%%answer "):
            name = cell.source.split()[1]
            cell.source = f"%%answer {name}\n{answers.get(name, cell.source.partition(chr(10))[2])}"
    folder = (course.root() / lab.exercise).parent
    NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text", "") + str(output.get("data", {}).get("text/html", "")) for output in outputs)


@pytest.mark.parametrize("key", LABS)
def test_with_the_solution_every_picture_has_a_finding(key):
    shown = run(key, source.read(course.root() / "solutions" / f"{key}.md").solutions())
    assert "Course fault" not in shown
    assert "Every check passes" in shown
    alts = ALT.findall(shown)
    assert len(alts) >= 2
    assert all(len(alt) > 20 for alt in alts)
    assert not [alt for alt in alts if "first" in alt.split(".")[0]]


@pytest.mark.parametrize("key", LABS)
@pytest.mark.parametrize("text", ["", "raise ValueError('not today')"], ids=["stub", "raises"])
def test_without_an_answer_the_last_picture_asks_for_one(key, text):
    answers = dict.fromkeys(course.find(key).answers, text) if text else {}
    shown = run(key, answers)
    assert "Course fault" not in shown
    assert "Every check passes" not in shown
    assert "Answer `" in ALT.findall(shown)[-1] or "not yet" in shown


@pytest.mark.parametrize("key", LABS)
def test_cells_are_short(key):
    cells = nbformat.read(course.root() / course.find(key).exercise, as_version=4).cells
    long = [cell.source for cell in cells if cell.cell_type == "code" and len(cell.source.splitlines()) > LONGEST]
    assert [text for text in long if not text.startswith("%%answer")] == []
