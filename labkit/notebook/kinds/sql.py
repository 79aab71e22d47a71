"""An SQL answer: it is run on the learner's database, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.notebook import kinds, sql_run
from labkit.notebook.page import Page

if TYPE_CHECKING:
    from labkit.notebook.session import Session


def run(text: str, session: Session, name: str) -> Page:
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
    ran = f", and {', '.join(above + below)} run again" if above + below else ""
    return sql_run.quiet(f"{name} had changed the database before, so that was reset first{ran}.") + page


def _run(text: str, session: Session, name: str) -> Page:
    done = sql_run.run(session.database, text)
    session.plans[name] = done.plan
    if done.changed:
        session.changed.add(name)
    return sql_run.page(done)
