"""An SQL answer: it is run on the learner's database, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import kinds
from labkit.kinds.sql import sql_run
from labkit.pages.page import Page, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Runs it and shows the rows, what the server said, and the plan.

    An answer that changed the database before (it made a table, an index) would only meet its own traces. So the
    database is reset first, and the other answers are run again: it is as if the notebook were run from the top.
    """
    if name not in session.changed:
        return _run(text, session, name)
    above, below = session.changed_beside(name)
    session.reset()
    kinds.redo(session, above)
    page = _run(text, session, name)
    kinds.redo(session, below)
    return quiet(_what_was_reset(name, above + below, session.failed)) + page


def _what_was_reset(name: str, others: list[str], failed: dict[str, str]) -> str:
    """Which of the other answers ran again, and which one no longer runs: what it needs may have been in this one."""
    again = ", ".join(other for other in others if other not in failed)
    told = (
        f"{name} had changed the database before, so that was reset first{f', and {again} run again' if again else ''}."
    )
    return " ".join([told, *(f"{other} no longer runs: {failed[other]}." for other in others if other in failed)])


def _run(text: str, session: OpenLab, name: str) -> Page:
    done = sql_run.run(session.place("postgres"), text)
    session.kept[name] = done.plan
    session.failed.pop(name, None)
    if done.error is not None:
        session.failed[name] = sql_run.message_of(done.error).strip().partition("\n")[0].rstrip(".")
    if done.changed:
        session.changed.add(name)
    return sql_run.page(done)
