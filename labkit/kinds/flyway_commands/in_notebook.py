"""Commands of Flyway, one a line: they are run on the learner's database, with the migrations that are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.flyway import project as flyway_project
from labkit.kinds.flyway.in_notebook import as_at_the_start, deploy
from labkit.kinds.migration_files import NotAProject
from labkit.pages.page import Page, failed

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Runs them in their order, up to the first that fails."""
    try:
        commands = flyway_project.commands(text)
    except NotAProject as mistake:
        return failed(str(mistake))
    return as_at_the_start(session, name) + deploy(session, flyway_project.project(session.lab, name), commands)
