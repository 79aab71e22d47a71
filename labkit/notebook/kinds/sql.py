"""An SQL answer: it is run on the learner's database, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.notebook import sql_run
from labkit.notebook.page import EMPTY, Page

if TYPE_CHECKING:
    from labkit.notebook.session import Session


def run(text: str, session: Session, name: str) -> Page:
    """Runs it and shows the rows, what the server said, and the plan.

    An answer that changed the database before (it made a table, an index) would only meet its own traces.
    So the database is reset first, and the answers above it are run again: what it then meets is what grading
    gives
    it.
    """
    note = EMPTY
    if name in session.changed:
        above = session.reset_before(name)
        ran = f", and {', '.join(above)} run again" if above else ""
        note = sql_run.quiet(f"{name} had changed the database before, so that was reset first{ran}.")
        for earlier in above:
            sql_run.run(session.database, session.answers[earlier], plan=False)
    done = sql_run.run(session.database, text)
    if done.changed:
        session.changed.add(name)
    return note + sql_run.page(done)
