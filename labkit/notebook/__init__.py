"""What a learner sees: `%load_ext labkit.notebook` brings the magics; the functions here are for a lab's own
cells.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from labkit.services.plan import Plan
    from labkit.services.postgres import Database
    from labkit.verdict import Verdict

__all__ = [
    "answer_text",
    "database",
    "load_ipython_extension",
    "plan",
    "query",
    "unload_ipython_extension",
    "verdicts",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext labkit.notebook`."""
    from labkit.notebook.lesson import LessonMagics
    from labkit.notebook.magics import LabMagics

    shell.register_magics(LabMagics, LessonMagics)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%unload_ext labkit.notebook`: gives back the server and ends the checker."""
    from labkit.notebook import session

    session.close()


def database() -> Database:
    """The open lab's database. Raises CourseError when no lab is open."""
    from labkit.notebook import session

    return session.current().database


def answer_text(name: str) -> str:
    """The text of an answer as it was last run, else as it was last saved.

    Raises CourseError when there is none.
    """
    from labkit.notebook import session

    return session.current().answer(name)


def verdicts(name: str | None = None) -> list[Verdict]:
    """What the checks last said of an answer, or of all answers, with their `extra` data; empty before a
    first run.
    """
    from labkit.notebook import session

    known = session.current().verdicts
    return known.get(name, []) if name else [verdict for found in known.values() for verdict in found]


def plan(name: str) -> Plan | None:
    """How Postgres ran an SQL answer the last time; None before a first run, and where it has no plan."""
    from labkit.notebook import session

    return session.current().plans.get(name)


def query(text: str, params: Any = None) -> list[dict[str, Any]]:
    """The rows of one query on the lab's database, each a dict from column to value. Raises psycopg.Error."""
    from psycopg.rows import dict_row

    with database().connect(row_factory=dict_row) as connection:
        return connection.execute(text, params).fetchall()  # type: ignore[arg-type]
