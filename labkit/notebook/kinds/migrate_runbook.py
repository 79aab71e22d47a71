"""Commands that bring a database back after an incident, which is let happen again before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.notebook import sql_run
from labkit.notebook.kinds.flyway import failed
from labkit.notebook.kinds.migrate import run_steps, steps_page
from labkit.notebook.page import Page
from labkit.services import golang_migrate_project
from labkit.services.migration_files import NotAProject

if TYPE_CHECKING:
    from labkit.notebook.session import Session


def run(text: str, session: Session, name: str) -> Page:
    """Resets the database, lets the incident happen, and runs the commands with the files of the learner's commit."""
    files = golang_migrate_project.deployed(session.lab)
    try:
        commands = golang_migrate_project.runbook(text)
        for other, kind in session.lab.answers.items():
            if kind == "migrate" and other in session.known_answers():
                files |= golang_migrate_project.commit(session.answer(other))
    except NotAProject as mistake:
        return failed(str(mistake))
    session.reset()
    session.changed.add(name)
    step = golang_migrate_project.incident(session.lab, session.database)
    note = sql_run.quiet(
        f"On the database as it was after the incident: version {step.version}{', dirty' if step.dirty else ''}."
    )
    return note + steps_page(run_steps(session, files, commands))
