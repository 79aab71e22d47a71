"""A commit to a Flyway project: it is deployed to the learner's production, with `flyway migrate`.

For a lab's own cells: `flyway("validate", branch="release")` runs commands, `changes("release")` shows what a branch changes.
"""

from __future__ import annotations

import difflib
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from labkit.kinds.flyway import project as flyway_project
from labkit.kinds.flyway.project import Project
from labkit.kinds.migration_files import NotAProject
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, failed, quiet, show
from labkit.pages.table import table
from labkit.services.flyway import Command, Migration, Report, doing
from labkit.services.flyway import flyway as shared
from labkit.services.postgres.sql import Result

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab

COLUMNS = ["category", "version", "description", "type", "installed on", "state"]


def run(text: str, session: OpenLab, name: str) -> Page:
    """Deploys what the learner's commit makes of the branch, to production as the lab's start has it."""
    try:
        project = flyway_project.project(session.lab, name).with_files(flyway_project.commit(text))
    except NotAProject as mistake:
        return failed(str(mistake))
    return as_at_the_start(session, name) + deploy(session, project, [("", Command("migrate"))])


def as_at_the_start(session: OpenLab, name: str) -> Page:
    """Resets the database where an answer has been at it, since each one is a deployment of its own."""
    note = EMPTY
    if session.changed:
        session.reset()
        note = quiet("The database was reset first: each answer meets it as it is at the lab's start.")
    session.changed.add(name)
    return note


def deploy(session: OpenLab, project: Project, commands: list[tuple[str, Command]]) -> Page:
    """Runs commands, each in its environment, up to the first that fails; what they said, and how things stand then."""
    return _deploy(session, project, commands)[0]


def _deploy(session: OpenLab, project: Project, commands: list[tuple[str, Command]]) -> tuple[Page, Report]:
    page, report = EMPTY, Report([], "", [])
    for environment, group in groupby(commands, lambda found: found[0] or project.default):
        try:
            schema = project.schema(environment)
        except NotAProject as mistake:
            return page + failed(str(mistake)), Report([], str(mistake), [])
        report = _run(session, project, schema, [command for _, command in group])
        page += sum((quiet(f"{environment}: {line}") for line in report.said), EMPTY)
        page += failed(report.error, environment) if report.error else EMPTY
        page += standing(report.info)
        if report.error:
            break
    return page, report


def _run(session: OpenLab, project: Project, schema: str, commands: list[Command]) -> Report:
    flyway = shared()
    work = partial(flyway.run, session.place("postgres"), schema, project.files, commands)
    return waiting.run(work, doing, flyway.close)


def standing(info: list[Migration]) -> Page:
    """The table of `flyway info`."""
    rows = [tuple(vars(m)[column.replace(" ", "_")][:19] for column in COLUMNS) for m in info]
    return table(Result("", COLUMNS, [""] * len(COLUMNS), rows, len(rows))) if rows else EMPTY


def flyway(*commands: str, branch: str = "") -> Report:
    """Runs commands, e.g. `"validate"` or `"-environment=outlet info"`, on the open lab's database, with a branch's files.

    Shows what came of them, and returns the last report.
    """
    from labkit.kinds.open_lab import current

    session = current()
    session.changed.add(branch or "flyway")
    found = flyway_project.commands("\n".join(commands))
    page, report = _deploy(session, flyway_project.project(session.lab, branch), found)
    show(page)
    return report


def changes(branch: str) -> None:
    """Prints what a branch changes in the files that are deployed, as git would."""
    from labkit.kinds.open_lab import current

    lab = current().lab
    before, after = flyway_project.project(lab).files, flyway_project.project(lab, branch).files
    for name, text in after.items():
        old, new = before.get(name, "").splitlines(), text.splitlines()
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="")
        print("\n".join(lines), end="\n" if old != new else "")


def deployed() -> None:
    """Prints the migrations that are deployed."""
    from labkit.kinds.open_lab import current

    for name, text in flyway_project.project(current().lab).files.items():
        print(f"-- {name}\n{text}")
