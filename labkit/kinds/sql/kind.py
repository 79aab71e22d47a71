"""Statements of a role that owns its own database and nothing else. The server's own limits are in its settings."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.services.postgres.limits import GRADED


class Sql(Kind):
    """Statements of a role that owns its own database and nothing else. The server's own limits are in its settings."""

    stub = "your SQL here"
    service = "postgres"
    fixtures = "labkit.kinds.sql.fixtures"
    database = GRADED
    seconds = 60.0
    rows = 10_000


KIND = Sql
