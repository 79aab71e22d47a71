"""Commands of Flyway, one a line: they are run on the learner's database, with the migrations that are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.notebook.kinds.flyway import as_at_the_start, deploy, failed
from labkit.notebook.page import Page
from labkit.services import flyway_project
from labkit.services.migration_files import NotAProject

if TYPE_CHECKING:
    from labkit.notebook.session import Session


def run(text: str, session: Session, name: str) -> Page:
    """Runs them in their order, up to the first that fails."""
    try:
        commands = flyway_project.commands(text)
    except NotAProject as mistake:
        return failed(str(mistake))
    return as_at_the_start(session, name) + deploy(session, flyway_project.project(session.lab, name), commands)
