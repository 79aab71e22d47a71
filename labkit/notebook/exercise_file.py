"""A lab's saved notebook as the learner has it: which answers were begun, and other texts put into their cells."""

from __future__ import annotations

import json
from typing import Any

from labkit import kinds
from labkit.course import Lab, answer_cells, notebook_file, root
from labkit.notebook import progress


class ExerciseFile:
    """The file, read when this is made. Raises BadSubmission where it is no notebook."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.path = lab, root() / lab.exercise
        self.notebook = notebook_file.parse(self.path)
        self.cells: list[dict[str, Any]] = [cell for cell in self.notebook["cells"] if isinstance(cell, dict)]
        read, _ = notebook_file.cells({**self.notebook, "cells": self.cells})
        whole = len(read) == len(self.cells)  # else the numbers are not those of our cells
        self._at = answer_cells.choose(read, lab.answers).at if whole else {}
        self.answers = {name: answer_cells.answer_text(read[at].text) for name, at in self._at.items()}

    def begun(self) -> dict[str, str]:
        """The answers that are not as they were given."""
        return {name: text for name, text in self.answers.items() if is_begun(self.lab, name, text)}

    def put(self, name: str, text: str) -> None:
        """Puts a text into an answer's cell, which must be one of `answers`, and takes away what running the other one showed."""
        cell = self.cells[self._at[name]]
        cell["source"] = f"%%answer {name}\n{text}"
        _without_outputs(cell)
        self.answers[name] = text

    def reset(self) -> list[str]:
        """Each answer as it was given, a lost cell put back, and no output anywhere. Returns the names of the answers that were not so."""
        changed = [name for name in self.lab.answers if name in self.begun() or name not in self.answers]
        lost = [name for name in changed if name not in self.answers]
        for name in self.answers:
            self.put(name, given(self.lab, name))
        for name in lost:
            self.cells.insert(self._place_of(name), _answer_cell(name, given(self.lab, name)))
        for cell in self.cells:
            _without_outputs(cell)
        return changed

    def save(self) -> None:
        """Writes the file, in one step."""
        notebook = {**self.notebook, "cells": self.cells}
        progress.write(self.path, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")

    def _place_of(self, name: str) -> int:
        """Where a lost answer's cell stood: before its check, else at the end."""
        ids = [_id(cell) for cell in self.cells]
        return ids.index(f"check-{name}") if f"check-{name}" in ids else len(ids)


def is_begun(lab: Lab, name: str, text: str) -> bool:
    """Whether an answer's text is other than what was given."""
    if name in lab.given:
        return text.strip() not in ("", lab.given[name].strip())
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and not (len(lines) == 1 and lines[0].strip().endswith(_stub(lab, name)))


def given(lab: Lab, name: str) -> str:
    """The text that stands in an answer's cell at first; of an exercise that an older course made, a comment of any language."""
    return lab.given.get(name, f"# {_stub(lab, name)}")


def _stub(lab: Lab, name: str) -> str:
    return kinds.named(lab.answers[name]).stub


def _answer_cell(name: str, text: str) -> dict[str, Any]:
    nbgrader = {
        "grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": True, "task": False,
    }  # fmt: skip
    source, metadata = f"%%answer {name}\n{text}", {"nbgrader": nbgrader}
    return {
        "cell_type": "code", "execution_count": None, "id": name, "metadata": metadata, "outputs": [], "source": source,
    }  # fmt: skip


def _id(cell: dict[str, Any]) -> str:
    """The name that nbgrader gave a cell, else the notebook's own, which is the same as long as nobody copied the cell."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return str(nbgrader.get("grade_id")) if isinstance(nbgrader, dict) else str(cell.get("id"))


def _without_outputs(cell: dict[str, Any]) -> None:
    if cell.get("cell_type") == "code":
        cell["outputs"], cell["execution_count"] = [], None
