"""Functions around models: the cell is run as any Python cell is, so that the cells after it can call what it defines. The checks never do that here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.python.in_notebook import run as run_cell
from labkit.pages.page import Page

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Runs the cell in this kernel, and says which functions there are now."""
    return run_cell(text, session, name)
