"""Answer cells: `%%answer NAME` in a cell's first line, and below it the artifact. And which cell of a notebook is an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

ANSWER = re.compile(
    r"(?:[ \t]*\r?\n)*[ \t]*%%answer[ \t]+(?P<name>\S+)[ \t]*(?:\r?\n)?"
)  # IPython skips empty lines, too
TOLD = 5  # cells of other labs that are named


class AnyCell(Protocol):
    """A cell of a notebook: `notebook_file.Cell`."""

    @property
    def text(self) -> str: ...

    @property
    def grade_id(self) -> str: ...


@dataclass
class Chosen:
    """Where each answer stands (its cell's number, from 0), and remarks for whoever reads the notebook."""

    at: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def answer_name(cell_source: str) -> str | None:
    """The name in a cell's first line `%%answer NAME`, or None for any other cell."""
    match = ANSWER.match(cell_source)
    return match["name"] if match else None


def answer_text(cell_source: str) -> str:
    """The artifact: what follows the first line."""
    match = ANSWER.match(cell_source)
    return cell_source[match.end() :] if match else cell_source


def parse_answers(text: str) -> dict[str, str]:
    """Splits a text into its `%%answer NAME` blocks (the files under wrong/ and right/ hold such blocks)."""
    parts = re.split(r"^%%answer[ \t]+(\S+)[ \t]*\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def choose(cells: Sequence[AnyCell], names: Iterable[str]) -> Chosen:
    """Which cell is which answer: the one rule of kernel and grader.

    JupyterLab copies the metadata along with a cell that is copied or split. So of the cells with an answer's id those count that
    begin `%%answer NAME`, and of these the last; else one that lost its id and begins so, the last; else the last with the id.
    """
    found = _Found(cells, list(names))
    chosen = Chosen()
    for name in found.names:
        if at := found.first_of(found.begin(name), found.strays(name), found.keep(name)):
            chosen.at[name] = at[-1]
    for name in found.names:  # a cell that was copied from one answer and renamed to another is one of them only
        if name not in chosen.at:
            free = set(range(len(cells))) - set(chosen.at.values())
            if at := found.first_of(free & set(found.say(name)), free & set(found.with_id(name))):
                chosen.at[name] = at[-1]
        chosen.remarks += _remarks(name, chosen.at.get(name), found)
    chosen.remarks += _of_other_labs(found)
    return chosen


class _Found:
    """The cells of a notebook, by what they say and by the name that nbgrader gave them; each as a list of numbers."""

    def __init__(self, cells: Sequence[AnyCell], names: list[str]) -> None:
        self.names = names
        self.ids = [cell.grade_id for cell in cells]
        self.said = [answer_name(cell.text) for cell in cells]

    def with_id(self, name: str) -> list[int]:
        return [at for at, grade_id in enumerate(self.ids) if grade_id == name]

    def say(self, name: str) -> list[int]:
        return [at for at, said in enumerate(self.said) if said == name]

    def begin(self, name: str) -> list[int]:
        return [at for at in self.with_id(name) if self.said[at] == name]

    def strays(self, name: str) -> list[int]:
        return [at for at in self.say(name) if self.ids[at] not in self.names]

    def renamed(self, name: str) -> list[int]:
        return [at for at in self.with_id(name) if self.said[at] != name and self.said[at] in self.names]

    def keep(self, name: str) -> list[int]:
        renamed = self.renamed(name)
        return [at for at in self.with_id(name) if at not in renamed]

    @staticmethod
    def first_of(*found: Iterable[int]) -> list[int]:
        return next((sorted(some) for some in map(list, found) if some), [])


def _remarks(name: str, at: int | None, found: _Found) -> Iterable[str]:
    """What was unusual about one answer's cells, which are numbered as people count."""
    with_id, begin, strays = found.with_id(name), found.begin(name), found.strays(name)
    if at is None:
        yield f"{name!r} is missing"
    elif at in begin and len(begin) > 1:
        yield f"{name!r} is there more than once; the last one counts"
    elif at in begin and len(with_id) > 1:
        yield f"{name!r} was copied or split; of its cells the one that begins %%answer {name} counts"
    elif at in strays:
        yield f"{name!r} had lost its metadata; it was found by its first line"
    elif at not in with_id:
        yield f"{name!r} stands in a cell that was copied from another answer; it was found by its first line"
    elif at not in begin:
        yield f"{name!r} does not begin %%answer {name}; it was found by its metadata"
    if at in begin and strays:
        yield f"cell {strays[-1] + 1} begins %%answer {name}, too, but is not the answer's own cell; it does not count"
    for copy in found.renamed(name)[:TOLD]:
        yield f"cell {copy + 1} was copied from {name!r} and begins %%answer {found.said[copy]}"


def _of_other_labs(found: _Found) -> Iterable[str]:
    others = [(at, name) for at, name in enumerate(found.said) if name is not None and name not in found.names]
    others = [(at, name) for at, name in others if found.ids[at] not in found.names]
    for at, name in others[:TOLD]:
        yield f"cell {at + 1} is the answer {name[:50]!r}, which this lab does not ask for; it does not count"
    if len(others) > TOLD:
        yield f"{len(others) - TOLD} more cells are answers that this lab does not ask for"
