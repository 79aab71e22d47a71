"""A commit to a golang-migrate project: its files go up, down and up on the learner's database as it was before the incident.

For a lab's own cells: `incident()` lets it happen, `migrate("version")` runs commands, `deployed()` prints the files.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from labkit.kinds.migrate import project as golang_migrate_project
from labkit.kinds.migration_files import NotAProject
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, failed, quiet, show
from labkit.pages.table import table
from labkit.services import golang_migrate
from labkit.services.golang_migrate import Migrate, Step
from labkit.services.postgres.sql import Result

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Resets the database, and lets the files of the commit go up, down to where it was, and up again."""
    try:
        files = golang_migrate_project.deployed(session.lab) | golang_migrate_project.commit(text)
    except NotAProject as mistake:
        return failed(str(mistake))
    if session.changed:
        session.reset()
    session.changed.add(name)
    start, _ = golang_migrate.version(session.place("postgres"))
    commands = [Migrate(("up",)), Migrate(("goto", str(start))), Migrate(("up",))]
    note = quiet(f"On the database as it was before the incident, at version {start}:")
    return note + steps_page(run_steps(session, files, commands))


def run_steps(session: OpenLab, files: dict[str, str], commands: list) -> list[Step]:
    """Runs commands on the learner's database."""
    work = partial(golang_migrate.run, session.place("postgres"), files, commands)
    return waiting.run(work, golang_migrate.doing, session.place("postgres").end_sessions)


def steps_page(steps: list[Step]) -> Page:
    """What each command came to, and the error of the last one, if it failed."""
    rows = [(step.command, standing(step), "failed" if step.error else " ".join(step.said.split())) for step in steps]
    columns = ["command", "version then", "it says"]
    page = table(Result("", columns, [""] * 3, rows, len(rows)))
    return page + (failed(steps[-1].error, steps[-1].command) if steps[-1].error else EMPTY)


def standing(step: Step) -> str:
    """The version, as `migrate version` prints it."""
    return f"{step.version} (dirty)" if step.dirty else f"{step.version}"


def incident() -> None:
    """Lets the incident happen on the open lab's database, which is reset first."""
    from labkit.kinds.open_lab import current

    session = current()
    session.reset()
    session.changed.add("incident")
    happens = partial(golang_migrate_project.incident, session.lab, session.place("postgres"))
    show(steps_page([waiting.run(happens, golang_migrate.doing, session.place("postgres").end_sessions)]))


def migrate(*words: str) -> None:
    """Runs one command, e.g. `migrate("up")`, with the files that are deployed."""
    from labkit.kinds.open_lab import current

    session = current()
    show(steps_page(run_steps(session, golang_migrate_project.deployed(session.lab), [Migrate(words)])))


def deployed(*names: str) -> None:
    """Prints the files that are deployed, or some of them."""
    from labkit.kinds.open_lab import current

    files = golang_migrate_project.deployed(current().lab)
    for name in names or files:
        print(f"-- {name}\n{files[name]}")
