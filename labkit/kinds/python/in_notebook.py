"""Functions: the cell is run as any Python cell is, so that the cells after it can call what it defines. The checks never do that here."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from labkit.pages.page import EMPTY, Page, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Runs the cell in this kernel, and says which functions there are now. IPython itself shows an error, with its line."""
    if not InteractiveShell.instance().run_cell(text).success:
        return EMPTY
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    given = [f"{node.name}({', '.join(argument.arg for argument in node.args.args)})" for node in functions]
    return quiet(f"Defined: {', '.join(given)}" if given else "The cell defines no function.")
