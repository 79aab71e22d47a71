"""Lessons: their source is `notebooks/<section>.md` (MyST, as a lab's source is), the notebook beside it is made from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit import course

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def lesson_files(section: str = "") -> Iterator[Path]:
    """The sources of all lessons, or of one section's."""
    for name in course.SECTIONS:
        path = course.root() / "notebooks" / f"{name}.md"
        if path.exists() and section in ("", name):
            yield path


def lesson(path: Path) -> str:
    """The lesson's notebook as the text of its file; the same source gives the same text."""
    import jupytext
    import nbformat

    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.update(folded(cell))
    made = nbformat.v4.new_notebook(cells=notebook.cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def folded(cell: Any) -> dict[str, Any]:
    """The metadata of a cell that draws a picture: its code is folded away, as the picture is what it is there for. Of others: none."""
    draws = cell.cell_type == "code" and "show_figure(" in cell.source
    return {"jupyter": {"source_hidden": True}} if draws else {}
