"""Whether nbgrader's gradebook can be written now: formgrader, or any program that reads it with a lock, may have it open."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from rich.console import Console

from labkit.gradebook import place

UNUSABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PATIENCE = 30.0  # seconds; formgrader itself writes for milliseconds


class GradebookLocked(Exception):
    """Somebody else keeps the gradebook locked: what that means, and the next step."""


def is_free(patience: float = 0.0) -> bool:
    """Whether nobody else writes the gradebook, at the latest `patience` seconds from now. Raises BadGradebook."""
    file = place.gradebook()
    if file is None:  # a database server lets several write
        return True
    try:
        with closing(sqlite3.connect(file, timeout=patience, isolation_level=None)) as gradebook:
            gradebook.execute("BEGIN IMMEDIATE")
            gradebook.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in UNUSABLE:
            raise place.bad(error) from error
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def wait_until_free(console: Console) -> None:
    """Waits for whoever else writes the gradebook, and says so. Raises GradebookLocked after PATIENCE."""
    if is_free():
        return
    console.print(
        f"{place.gradebook()} is locked by another program: waiting up to {PATIENCE:g} s for it.", soft_wrap=True
    )
    if not is_free(PATIENCE):
        raise GradebookLocked(
            f"{place.gradebook()} is still locked by another program, so marks are not written. Close what has it open (formgrader, "
            "a database tool). What was judged is kept; the same command goes on from there."
        )
