"""What a learner handed in, made anew: the released notebook's frame, and in it the texts of the submitted cells and nothing else of them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import course
from labkit.course import answer_cells, notebook_file
from labkit.course.notebook_file import MAX_BYTES, MAX_DEPTH, MAX_VALUES, BadSubmission, Unreadable, load

__all__ = [
    "EXCHANGE_FILES", "MAX_BYTES", "MAX_DEPTH", "MAX_VALUES", "SUBMITTED", "TIMESTAMP",
    "BadSubmission", "Submission", "Unreadable", "answers_in", "exercise", "load", "read", "read_notebook",
]  # fmt: skip

SUBMITTED = Path("submitted")  # in the nbgrader course's folder
TIMESTAMP = "timestamp.txt"  # when it was handed in
EXCHANGE_FILES = (TIMESTAMP, "submission_secret.txt")  # nbgrader releases no feedback without them
NOT_HANDED_IN = (*EXCHANGE_FILES, ".ipynb_checkpoints")  # what nbgrader and Jupyter themselves put beside notebooks

Cell = dict[str, Any]


@dataclass
class Submission:
    """A notebook made anew, as `nbformat` has it, the answers in it, and remarks for the examiner."""

    notebook: dict[str, Any]
    answers: dict[str, str]
    remarks: list[str]

    @property
    def cells(self) -> list[Cell]:
        """The notebook's cells: each answer and each grade cell once, as released but for the answers' texts."""
        return self.notebook["cells"]


def read(path: Path, lab: course.Lab) -> Submission:
    """Reads a submitted notebook, and looks at what lies beside it. Raises BadSubmission with a line that says what is wrong and what
    to do."""
    found = read_notebook(path, lab)
    exercises = (course.root() / lab.exercise).parent
    known = [one for one in path.parent.glob("*.ipynb") if (exercises / one.name).exists()]
    if path == min(known, default=path) and (more := _beside(path.parent)):  # told once
        found.remarks.append(f"what lies beside the notebooks is left out: {', '.join(more[:5])}")
    return found


def read_notebook(path: Path, lab: course.Lab) -> Submission:
    """Reads a submitted notebook. Raises BadSubmission."""
    handed_in = load(path)
    found = _made_anew(*notebook_file.cells(handed_in), lab)
    said = _inside(_inside(handed_in.get("metadata"), "lab"), "name") or lab.name
    if said != lab.name:
        found.remarks.insert(0, f"this is the notebook of {str(said)[:100]!r}, handed in as {lab.name!r}")
    return found


def exercise(lab: course.Lab) -> dict[str, Any]:
    """The exercise as released."""
    released = json.loads((course.root() / lab.exercise).read_text(encoding="utf-8"))
    for cell in released["cells"]:
        cell["source"] = "".join(cell["source"])
    return released


def _inside(value: Any, name: str) -> Any:
    """What an object holds by this name; nothing where it is no object."""
    return value.get(name) if isinstance(value, dict) else None


def _beside(folder: Path) -> list[str]:
    """What was handed in besides notebooks, and is never read, copied or opened."""
    named = sorted(path for path in folder.iterdir() if path.suffix != ".ipynb" and path.name not in NOT_HANDED_IN)
    return [f"{path.name!r}{' (a link)' if path.is_symlink() else ''}" for path in named]


def _made_anew(cells: list[notebook_file.Cell], left_out: int, lab: course.Lab) -> Submission:
    """One cell for each answer and each grade cell of the lab, what is missing or was edited as released; the others are text alone."""
    frame = exercise(lab)
    released = {grade_id: cell for cell in frame["cells"] if (grade_id := _grade_id(cell))}
    chosen = answer_cells.choose(cells, lab.answers)
    is_cell = {at: name for name, at in chosen.at.items()}
    for at, cell in enumerate(cells):  # of duplicates of any other cell the last counts, as nbgrader has it
        if cell.grade_id in released and cell.grade_id not in lab.answers:
            is_cell = {other: name for other, name in is_cell.items() if name != cell.grade_id} | {at: cell.grade_id}
    remarks = list(chosen.remarks)
    made = [_cell(cell, released.get(is_cell.get(at, "")), remarks) for at, cell in enumerate(cells)]
    made += [copy.deepcopy(cell) for grade_id, cell in released.items() if grade_id not in is_cell.values()]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    if left_out:
        remarks.append(f"{left_out} cells are left out: they are no cells, or more than a notebook has")
    return Submission({**frame, "cells": made}, answers_in(made, lab), remarks)


def answers_in(cells: list[Cell], lab: course.Lab) -> dict[str, str]:
    """The answers in the cells of a notebook that was made anew, where each stands in a cell of its own; one that was missing is the stub."""
    return {
        _grade_id(cell): answer_cells.answer_text(cell["source"]) for cell in cells if _grade_id(cell) in lab.answers
    }


def _cell(cell: notebook_file.Cell, original: Cell | None, remarks: list[str]) -> Cell:
    """A cell with this text; where it is one of the release's, with what that has besides."""
    kind, text, metadata = cell.kind, cell.text, {}
    if original:
        kind, metadata = original["cell_type"], copy.deepcopy(original["metadata"])
        name, is_answer = _grade_id(original), original["metadata"]["nbgrader"]["solution"]
        if cell.kind != kind:
            remarks.append(f"{name!r} was no {kind} cell; it was made one again")
        if not is_answer and text != original["source"]:
            remarks.append(f"{name!r} was edited; it was put back as released")
            text = original["source"]
    made: Cell = {"cell_type": kind, "metadata": metadata, "source": text}
    return made | {"outputs": [], "execution_count": None} if kind == notebook_file.CODE else made


def _grade_id(cell: Cell) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")
