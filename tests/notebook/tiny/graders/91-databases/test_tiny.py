"""Checks of a lab for tests: an index and a query; and what a check may say besides pass and fail."""

import errno
import os
import signal

import pytest

from labkit.checking.checks import Wrong, answer, hint, points
from labkit.kinds.sql.answers import query, run


@answer("index")
@points(1)
def test_has_an_index(database, answers):
    """There is an index on `word`."""
    run(database, answers["index"])
    with database.connect() as connection:
        found = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'item'").fetchall()
    if not any("(word)" in definition for (definition,) in found):
        raise Wrong("No index on word was found.", expected="an index on (word)", got=f"{len(found)} index")


@answer("dear")
@points(2)
@hint("What is dear has a high <price>.", "More than 1,990 is dear.")
def test_finds_what_is_dear(database, answers, note):
    """The query finds all that costs more than 1,990."""
    got = sorted(row[0] for row in query(database, answers["dear"]).rows)
    note("found", len(got))
    if got == [13]:
        os.kill(os.getpid(), signal.SIGKILL)
    if got == [14]:
        raise OSError(errno.ENOSPC, "the course is broken")
    if got != list(range(1991, 2000)):
        raise Wrong("Other items are found.", expected="9 items", got=f"{len(got)} items")


@answer("dear")
@points(1)
def test_needs_what_is_not_here():
    """The query is quick on another planet."""
    pytest.skip("needs another planet")
