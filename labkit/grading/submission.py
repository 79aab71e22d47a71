"""What a learner handed in, made whole: each answer and grade cell once, as released, whatever became of the notebook."""

from __future__ import annotations

import copy
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import course, source

MAX_BYTES = 200 * 2**20  # of a notebook file, outputs included
MAX_DEPTH = 60  # of its JSON; what Jupyter writes has some ten, and those who read it after us call themselves for each
SUBMITTED = Path("submitted")  # in the nbgrader course's folder
TIMESTAMP = "timestamp.txt"  # when it was handed in
EXCHANGE_FILES = (TIMESTAMP, "submission_secret.txt")  # nbgrader releases no feedback without them
NOT_HANDED_IN = (*EXCHANGE_FILES, ".ipynb_checkpoints")  # what nbgrader and Jupyter themselves put beside notebooks

Cell = dict[str, Any]


class BadSubmission(Exception):
    """The file cannot be graded at all: what is wrong with it, and the next step."""


class Unreadable(BadSubmission):
    """The file may be good, but this machine cannot read it: never a learner's fault."""


@dataclass
class Submission:
    """A notebook's cells made whole, the answers in them, and remarks for the examiner."""

    cells: list[Cell]
    answers: dict[str, str]
    remarks: list[str]


def read(path: Path, lab: course.Lab) -> Submission:
    """Reads a submitted notebook. Raises BadSubmission with a line that says what is wrong and what to do."""
    notebook = load(path)
    found = make_whole(notebook["cells"], lab)
    said = _inside(_inside(notebook.get("metadata"), "lab"), "name") or lab.name
    if said != lab.name:
        found.remarks.insert(0, f"this is the notebook of {str(said)[:100]!r}, handed in as {lab.name!r}")
    exercises = (course.root() / lab.exercise).parent
    known = [one for one in path.parent.glob("*.ipynb") if (exercises / one.name).exists()]
    if path == min(known, default=path) and (more := _beside(path.parent)):  # told once
        found.remarks.append(f"what lies beside the notebooks is left out: {', '.join(more[:5])}")
    return found


def _inside(value: Any, name: str) -> Any:
    """What an object holds by this name; nothing where it is no object."""
    return value.get(name) if isinstance(value, dict) else None


def _beside(folder: Path) -> list[str]:
    """What was handed in besides notebooks, and is never read, copied or opened."""
    named = sorted(path for path in folder.iterdir() if path.suffix != ".ipynb" and path.name not in NOT_HANDED_IN)
    return [f"{path.name!r}{' (a link)' if path.is_symlink() else ''}" for path in named]


def load(path: Path) -> dict[str, Any]:
    """A notebook's JSON, looked at only as far as is needed. Raises BadSubmission."""
    for part in (*path.parents[:2], path):
        if part.is_symlink():  # to another one's work, or to a device without end
            raise BadSubmission(
                f"{part} is a link, and what it leads to was not handed in. Ask for the notebook itself."
            )
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise BadSubmission(f"{path} is no file but a pipe or a device. Ask for the notebook itself.")
        if path.stat().st_size > MAX_BYTES:
            raise BadSubmission(
                f"{path} is over {MAX_BYTES // 2**20} MB. Clear its outputs, save it, and hand it in again."
            )
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}. Make it readable, then grade again.") from error
    except UnicodeDecodeError as error:
        raise BadSubmission(
            f"{path} is not text in UTF-8 (byte {error.start}). Hand in the notebook as Jupyter saved it."
        ) from error
    if not text.strip():
        raise BadSubmission(f"{path} is empty. Hand in the notebook as Jupyter saved it.")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSubmission(f"{path} is not JSON ({error}). Hand in the notebook as Jupyter saved it.") from error
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if version != 4:
        said = f"notebook format {version}" if version else "no notebook"
        raise BadSubmission(
            f"{path} is {said}; format 4 is needed. Open it in JupyterLab, save it, and hand it in again."
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise BadSubmission(f"{path} has no list of cells. Hand in the notebook as Jupyter saved it.")
    if not isinstance(notebook.get("metadata", {}), dict) or not isinstance(notebook.get("nbformat_minor", 5), int):
        raise BadSubmission(f"{path} has no metadata of a notebook. Hand in the notebook as Jupyter saved it.")
    if wrong := [number for number, cell in enumerate(cells, 1) if not _is_cell(cell)]:
        raise BadSubmission(
            f"{path}: cell {wrong[0]} is no cell of a notebook. Hand in the notebook as Jupyter saved it."
        )
    if _is_deep(notebook):
        raise BadSubmission(f"{path} is nested too deep for a notebook. Hand in the notebook as Jupyter saved it.")
    return notebook


def _is_cell(cell: Cell) -> bool:
    """Whether it has the types that every reader of notebooks relies on."""
    outputs, attachments = cell.get("outputs", []), cell.get("attachments", {})
    return (
        cell.get("cell_type") in ("code", "markdown", "raw")
        and isinstance(cell.get("source", ""), str | list)
        and isinstance(cell.get("metadata", {}), dict)
        and isinstance(attachments, dict)
        and all(isinstance(attached, dict) for attached in attachments.values())
        and isinstance(outputs, list)
        and all(isinstance(output, dict) and isinstance(output.get("data", {}), dict) for output in outputs)
    )


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are in each other more than MAX_DEPTH times."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = (child for one in level for child in (one.values() if isinstance(one, dict) else one))
        level = [child for child in inner if isinstance(child, dict | list)]
    return bool(level)


def exercise_cells(lab: course.Lab) -> list[Cell]:
    """The cells of the exercise as released."""
    cells = json.loads((course.root() / lab.exercise).read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": text_of(cell)} for cell in cells]


def make_whole(cells: list[Cell], lab: course.Lab) -> Submission:
    """Keeps one cell for each answer and each grade cell of the lab, and restores what is missing or was edited.

    Of duplicates the last counts, as nbgrader has it. An answer whose metadata is lost is found by its first line. Any
    other nbgrader metadata is dropped: it is not the course's.
    """
    released = {_grade_id(cell): cell for cell in exercise_cells(lab) if _grade_id(cell)}
    remarks: list[str] = []
    kept: dict[str, int] = {}
    for index, cell in enumerate(cells):
        name = _grade_id(cell)
        if name in released:
            if name in kept:
                remarks.append(f"{name!r} is there more than once; the last one counts")
            kept[name] = index
    for name in lab.answers:
        if name not in kept:
            named = [
                i
                for i, cell in enumerate(cells)
                if i not in kept.values() and source.answer_name(text_of(cell)) == name
            ]
            if named:
                remarks.append(f"{name!r} had lost its metadata; it was found by its first line")
                kept[name] = named[-1]
            else:
                remarks.append(f"{name!r} is missing")
    whole = [_restored(cell, released, kept, index, remarks) for index, cell in enumerate(cells)]
    whole += [copy.deepcopy(cell) for name, cell in released.items() if name not in kept]
    answers = {name: source.answer_text(text_of(whole[kept[name]])) for name in lab.answers if name in kept}
    return Submission(whole, answers, remarks)


def text_of(cell: Cell) -> str:
    """A cell's source; on disk it may be a list of lines."""
    text = cell.get("source", "")
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _grade_id(cell: Cell) -> str:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def _restored(cell: Cell, released: dict[str, Cell], kept: dict[str, int], index: int, remarks: list[str]) -> Cell:
    names = [name for name, at in kept.items() if at == index]
    restored = type(cell)(cell)
    metadata = cell.get("metadata")
    restored["metadata"] = type(metadata)(metadata) if isinstance(metadata, dict) else {}
    if not names:
        restored["metadata"].pop("nbgrader", None)
        return restored
    original = released[names[0]]
    if original["metadata"]["nbgrader"]["grade"] and text_of(cell) != text_of(original):
        remarks.append(f"{names[0]!r} was edited; it was put back as released")
        restored["source"] = text_of(original)
    if cell.get("cell_type") != "code":
        remarks.append(f"{names[0]!r} was no code cell; it was made one again")
        restored["cell_type"] = "code"
        restored.pop("attachments", None)
    restored.setdefault("outputs", [])
    restored.setdefault("execution_count", None)
    restored["metadata"]["nbgrader"] = copy.deepcopy(original["metadata"]["nbgrader"])
    return restored
