"""A notebook's file that nobody vouches for, read with bounds: of each cell its type, its text, and the name that nbgrader gave it.

Whatever else is in it (outputs, attachments, other metadata, versions) is looked at by no program after us, and so cannot break one.
"""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course.answer_cells import answer_name

MAX_BYTES = 200 * 2**20  # of a notebook file, outputs included
MAX_VALUES = 1_000_000  # in its JSON: each takes some 100 bytes of ours, whatever it takes of the file
MAX_DEPTH = 60  # of its JSON; what Jupyter writes has some ten
MAX_TEXT = 500_000  # characters of one cell; no answer may have as many
MAX_CELLS, MAX_PROSE = 1_000, 1_000_000  # cells besides the answers, and their characters: feedback is made from them
AGAIN = "Hand in the notebook as Jupyter saved it."
CODE = "code"
TYPES = (CODE, "markdown", "raw")
HALF = re.compile("[\ud800-\udfff]")  # half of a character, which no text in UTF-8 can hold
CUT = "[The rest was too long and is left out.]"


class BadSubmission(Exception):
    """The file cannot be graded at all: what is wrong with it, and the next step."""


class Unreadable(BadSubmission):
    """The file may be good, but this machine cannot read it: never a learner's fault."""


@dataclass(frozen=True)
class Cell:
    """What is taken of a cell: `text` is valid and has at most MAX_TEXT characters; `grade_id` is empty where it has none."""

    kind: str
    text: str
    grade_id: str = ""


def load(path: Path) -> dict[str, Any]:
    """A submitted notebook's JSON, whose "cells" are a list. Raises BadSubmission with a line that says what is wrong and what to do."""
    for part in (*path.parents[:2], path):
        if part.is_symlink():  # to another one's work, or to a device without end
            raise BadSubmission(
                f"{part} is a link, and what it leads to was not handed in. Ask for the notebook itself."
            )
    return parse(path)


def parse(path: Path) -> dict[str, Any]:
    """As `load`, for a file of one's own, which may be a link."""
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")  # some editors put a byte order mark in front
    except UnicodeDecodeError as error:
        raise BadSubmission(f"{path} is not text in UTF-8 (byte {error.start}). {AGAIN}") from error
    if not text.strip():
        raise BadSubmission(f"{path} is empty. {AGAIN}")
    if has_more_values(data, MAX_VALUES):
        raise BadSubmission(f"{path} has over {MAX_VALUES:,} values. Clear its outputs, save it, and hand it in again.")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSubmission(f"{path} is not JSON ({error}). {AGAIN}") from error
    _look_at(path, notebook)
    return notebook


def cells(notebook: dict[str, Any]) -> tuple[list[Cell], int]:
    """What is taken of a loaded notebook's cells, and how many were left out, since they are none or more than a notebook has.

    A cell of an unknown type is prose, unless it begins as an answer does.
    """
    known = [_cell(cell) for cell in notebook["cells"] if isinstance(cell, dict)]
    found: list[Cell] = []
    others = prose = 0
    for cell in known:
        if not cell.grade_id and answer_name(cell.text) is None:
            others, prose = others + 1, prose + len(cell.text)
            if others > MAX_CELLS or prose > MAX_PROSE:
                continue
        elif len(found) - others > 2 * MAX_CELLS:  # copies of answers without end
            continue
        found.append(cell)
    return found, len(notebook["cells"]) - len(found)


def has_more_values(data: bytes, limit: int) -> bool:
    """Whether JSON holds more than `limit` values, told without parsing it: by its commas and brackets, those in texts left out."""

    def bound(text: bytes) -> int:
        return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")

    if bound(data) <= limit:
        return False
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")  # now each quote begins or ends a text
    if bare.count(b'"') > 4 * limit:  # a value is a text or not, and its name is another one
        return True
    return sum(bound(outside) - 1 for outside in bare.split(b'"')[::2]) >= limit


def _bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise BadSubmission(f"{path} is no file but a pipe or a device. Ask for the notebook itself.")
        if path.stat().st_size > MAX_BYTES:
            raise BadSubmission(
                f"{path} is over {MAX_BYTES // 2**20} MB. Clear its outputs, save it, and hand it in again."
            )
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}. Make it readable, then grade again.") from error


def _look_at(path: Path, notebook: Any) -> None:
    """Whether it is a notebook at all. Raises BadSubmission."""
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if version != 4:
        said = f"notebook format {str(version)[:20]}" if version else "no notebook"
        raise BadSubmission(
            f"{path} is {said}; format 4 is needed. Open it in JupyterLab, save it, and hand it in again."
        )
    if not isinstance(notebook.get("cells"), list):
        raise BadSubmission(f"{path} has no list of cells. {AGAIN}")
    if not isinstance(notebook.get("metadata"), dict | None):
        raise BadSubmission(f"{path} has no metadata of a notebook. {AGAIN}")
    if _is_deep(notebook):
        raise BadSubmission(f"{path} is nested too deep for a notebook. {AGAIN}")
    for cell in notebook["cells"]:  # whatever was made of such an answer would not be what was handed in
        source = cell.get("source") if isinstance(cell, dict) else ""
        if not _is_text(source) and (name := answer_name(_text(source))) is not None:
            raise BadSubmission(f"{path} has something else than text in the cell of answer {name!r}. {AGAIN}")


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are in each other more than MAX_DEPTH times."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = (child for one in level for child in (one.values() if isinstance(one, dict) else one))
        level = [child for child in inner if isinstance(child, dict | list)]
    return bool(level)


def _cell(cell: dict[str, Any]) -> Cell:
    text = _text(cell.get("source"))
    kind = cell.get("cell_type")
    if kind not in TYPES:
        kind = "raw" if answer_name(text) is None else CODE
    return Cell(kind, text, _grade_id(cell))


def _is_text(source: Any) -> bool:
    """Whether it is what nbformat allows: a text, or a list of texts."""
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))


def _text(source: Any) -> str:
    """A cell's text; on disk it may be a list of lines. What is no text says nothing."""
    lines = source if isinstance(source, list) else [source]
    text = "".join(str(line) for line in lines if isinstance(line, str | int | float))
    text = HALF.sub("\ufffd", text)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - len(CUT) - 1]}\n{CUT}"


def _grade_id(cell: dict[str, Any]) -> str:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return HALF.sub("\ufffd", grade_id[:200]) if isinstance(grade_id, str) else ""
