"""A lab's one source: MyST Markdown with front matter, read through Jupytext into a notebook and its answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course import CourseError
from labkit.course.answer_cells import answer_name, answer_text
from labkit.kinds import KINDS, named

SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)(?P<leader>\S+)[ \t]*### BEGIN SOLUTION.*?### END SOLUTION[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
MARKER = re.compile(r"^[ \t]*\S+[ \t]*### (BEGIN|END) SOLUTION[^\n]*\n?", re.MULTILINE)
RULE = re.compile(r"\s*<!--\s*rule:\s*(?P<name>[a-z0-9]+(-[a-z0-9]+)*)\s*-->")
LIKE_A_RULE = re.compile(r"<!--\s*rules?\b", re.IGNORECASE)
FIELDS = ("title", "covers", "minutes", "needs", "after", "objectives", "answers")


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

    def rules(self) -> list[str]:
        """The names of the task's rules, in their order: `<!-- rule: any-depth -->` stands after the sentence that says one."""
        prose = [cell.source for cell in self.cells if cell.cell_type == "markdown"]
        return list(dict.fromkeys(match["name"] for text in prose for match in RULE.finditer(text)))

    def stub(self, name: str, cell_source: str) -> str:
        """An answer cell without its solution: a comment in the answer's own language stands in its place."""
        says = named(self.front["answers"][name]).stub
        return SOLUTION.sub(lambda match: f"{match['indent']}{match['leader']} {says}", cell_source)

    def _answers(self) -> list[tuple[str, Any]]:
        named = [(answer_name(cell.source), cell) for cell in self.cells if cell.cell_type == "code"]
        return [(name, cell) for name, cell in named if name]


def without_rules(text: str) -> str:
    """A cell's text as the learner reads it."""
    return RULE.sub("", text)


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
    for name, of in found.front["answers"].items():
        if of not in KINDS:
            raise CourseError(f"{path}: answer {name!r} is of unknown kind {of!r}. Known are: {', '.join(KINDS)}.")
    for cell in found.cells:
        if LIKE_A_RULE.search(without_rules(cell.source)):
            raise CourseError(
                f"{path}: a rule's marker is not like `<!-- rule: words-with-dashes -->`, so the learner would see it. Write it so."
            )
    for name, cell in found._answers():
        if not SOLUTION.search(cell.source):
            raise CourseError(
                f"{path}: answer {name!r} has no ### BEGIN SOLUTION … ### END SOLUTION. Mark its solution."
            )
