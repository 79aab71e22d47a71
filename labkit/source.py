"""A lab's one source: MyST Markdown with front matter, read through Jupytext into a notebook and its answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course import CourseError

ANSWER = re.compile(r"%%answer[ \t]+(?P<name>\S+)[ \t]*\n?")
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)(?P<leader>\S+)[ \t]*### BEGIN SOLUTION.*?### END SOLUTION[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
MARKER = re.compile(r"^[ \t]*\S+[ \t]*### (BEGIN|END) SOLUTION[^\n]*\n?", re.MULTILINE)
FIELDS = ("title", "covers", "minutes", "needs", "after", "objectives", "answers")
STUBS = {
    "sql": "your SQL here",
    "alembic": "your migration here",
    "python": "your function here",
    "flyway": "your files here, each below a line with its name",
    "flyway_commands": "your commands here",
    "migrate": "your files here, each below a line with its name",
    "migrate_runbook": "your commands here",
}


def answer_name(cell_source: str) -> str | None:
    """The name in a cell's first line `%%answer NAME`, or None for any other cell."""
    match = ANSWER.match(cell_source)
    return match["name"] if match else None


def answer_text(cell_source: str) -> str:
    """The artifact: what follows the first line."""
    return ANSWER.sub("", cell_source, count=1)


def parse_answers(text: str) -> dict[str, str]:
    """Splits a text into its `%%answer NAME` blocks (the files under wrong/ and right/ hold such blocks)."""
    parts = re.split(r"^%%answer[ \t]+(\S+)[ \t]*\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@dataclass(frozen=True)
class Source:
    """A parsed source: the front matter, and the notebook's cells with solutions in them."""

    section: str
    name: str
    front: dict[str, Any]
    cells: list[Any]

    def solutions(self) -> dict[str, str]:
        """The answers as the author solved them, by name."""
        return {name: MARKER.sub("", answer_text(cell.source)) for name, cell in self._answers()}

    def stubs(self) -> dict[str, str]:
        """The answers as the learner finds them, by name."""
        return {name: answer_text(self.stub(name, cell.source)) for name, cell in self._answers()}

    def stub(self, name: str, cell_source: str) -> str:
        """An answer cell without its solution: a comment in the answer's own language stands in its place."""
        says = STUBS[self.front["answers"][name]]
        return SOLUTION.sub(lambda match: f"{match['indent']}{match['leader']} {says}", cell_source)

    def _answers(self) -> list[tuple[str, Any]]:
        named = [(answer_name(cell.source), cell) for cell in self.cells if cell.cell_type == "code"]
        return [(name, cell) for name, cell in named if name]


def read(path: Path) -> Source:
    """Reads a source. Raises CourseError that names the file, what is wrong in it, and what it should be."""
    import jupytext
    import yaml

    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="md:myst")
    front = yaml.safe_load(text.split("---\n", 2)[1]) if text.startswith("---\n") else {}
    found = Source(path.parent.name, path.stem, front, notebook.cells)
    _validate(path, found)
    return found


def _validate(path: Path, found: Source) -> None:
    missing = [name for name in FIELDS if name not in found.front]
    if missing:
        raise CourseError(f"{path}: the front matter lacks {', '.join(missing)}. docs/add-a-lab.md shows a whole one.")
    names = [name for name, _ in found._answers()]
    if names != list(found.front["answers"]):
        raise CourseError(
            f"{path}: its cells answer {names}, its front matter says {list(found.front['answers'])}. "
            "Make them the same, in the same order."
        )
    for name, kind in found.front["answers"].items():
        if kind not in STUBS:
            raise CourseError(f"{path}: answer {name!r} is of unknown kind {kind!r}. Known are: {', '.join(STUBS)}.")
    for name, cell in found._answers():
        if not SOLUTION.search(cell.source):
            raise CourseError(
                f"{path}: answer {name!r} has no ### BEGIN SOLUTION … ### END SOLUTION. Mark its solution."
            )
