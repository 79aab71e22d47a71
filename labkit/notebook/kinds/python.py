"""Functions: the cell is run as any Python cell is, so that the cells after it can call what it defines. The checks never do that here."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from labkit.notebook import sql_run
from labkit.notebook.page import EMPTY, Page

if TYPE_CHECKING:
    from labkit.notebook.session import Session


def run(text: str, session: Session, name: str) -> Page:
    """Runs the cell in this kernel, and says which functions there are now. IPython itself shows an error, with its line."""
    if not InteractiveShell.instance().run_cell(text).success:
        return EMPTY
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    given = [f"{node.name}({', '.join(argument.arg for argument in node.args.args)})" for node in functions]
    return sql_run.quiet(f"Defined: {', '.join(given)}" if given else "The cell defines no function.")
