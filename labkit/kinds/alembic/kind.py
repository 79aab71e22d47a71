"""Migrations that Alembic runs."""

from __future__ import annotations

from labkit.kinds.kind import ProgramKind
from labkit.services.postgres.limits import GRADED


class Alembic(ProgramKind):
    """Migrations that Alembic runs."""

    stub = "your migration here"
    service = "postgres"
    database = GRADED
    imports = ("psycopg", "alembic.command", "alembic.config", "sqlalchemy.dialects.postgresql.psycopg")


KIND = Alembic
