"""The kinds of answers: one class each says how long one may run, whether in the sandbox, with which service and limits.

A new kind is a class here, its stub in `source.STUBS`, and what running it shows in `notebook/kinds/<kind>.py`.
"""

from __future__ import annotations

from typing import ClassVar

from labkit.course import Lab
from labkit.grading.sandbox.limits import Limits
from labkit.services import flyway, golang_migrate
from labkit.services.postgres import GRADED


class Kind:
    """What all kinds have: a text of some length, which is given to a service for some time."""

    characters = 200_000  # the longest solution has some 3,000
    service = "postgres"
    database = GRADED
    seconds: float  # wall time, kept from outside; some twenty times what the slowest right answer takes
    sandbox: ClassVar[Limits | None] = None  # of an answer that is a program


class Sql(Kind):
    """Statements of a role that owns its own database and nothing else. The server's own limits are in postgres_settings."""

    seconds = 60.0
    rows = 10_000


class ProgramKind(Kind):
    """Python in the sandbox; a socket to the one database is all that leads out."""

    sandbox: ClassVar[Limits] = Limits(seconds=60, cpu_seconds=30)  # pyright: ignore[reportIncompatibleVariableOverride]
    seconds = sandbox.seconds
    sessions = 6  # at a time; Alembic needs two


class Alembic(ProgramKind):
    """Migrations that Alembic runs."""


class Python(ProgramKind):
    """Functions that are called one at a time, each with a session on the database."""


class Flyway(Kind):
    """SQL files that the real Flyway, which is trusted, runs as the database's role."""

    seconds = flyway.DEADLINE


class FlywayCommands(Flyway):
    """Commands of Flyway, of which only some, with some options, are let through."""


class Migrate(Kind):
    """SQL files that the real golang-migrate, which is trusted, runs as the database's role."""

    seconds = golang_migrate.DEADLINE


class MigrateRunbook(Migrate):
    """Commands of golang-migrate, of which only some forms are let through, and SQL by hand."""


KINDS: dict[str, type[Kind]] = {
    "sql": Sql,
    "alembic": Alembic,
    "python": Python,
    "flyway": Flyway,
    "flyway_commands": FlywayCommands,
    "migrate": Migrate,
    "migrate_runbook": MigrateRunbook,
}


def needs_sandbox(lab: Lab) -> bool:
    """Whether one of the lab's answers is a program. Raises KeyError for a kind that there is not."""
    return any(KINDS[kind].sandbox for kind in lab.answers.values())
