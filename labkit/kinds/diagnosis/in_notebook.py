"""A diagnosis: it is read, and shown as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.answer import AnswerError
from labkit.kinds.diagnosis.answers import read
from labkit.kinds.manifest.view import plain
from labkit.pages.page import Page, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab

SHOWN = 90  # characters of a line


def run(text: str, session: OpenLab, name: str) -> Page:
    """What it says of each program."""
    try:
        found = read(text)
    except AnswerError as error:
        return quiet(str(error))
    rows = [
        (program, one.cause, str(one.object), one.proof if len(one.proof) <= SHOWN else f"{one.proof[:SHOWN]}…")
        for program, one in found.of.items()
    ]
    return quiet(f"Incident {found.number}.") + plain(["program", "cause", "object", "line"], rows)
