"""Commands that bring a database back after an incident, which is let happen again before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.migrate import project as golang_migrate_project
from labkit.kinds.migrate.in_notebook import run_steps, steps_page
from labkit.kinds.migration_files import NotAProject
from labkit.pages.page import Page, failed, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
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
    step = golang_migrate_project.incident(session.lab, session.place("postgres"))
    note = quiet(
        f"On the database as it was after the incident: version {step.version}{', dirty' if step.dirty else ''}."
    )
    return note + steps_page(run_steps(session, files, commands))
