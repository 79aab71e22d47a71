"""SQL files that the real Flyway, which is trusted, runs as the database's role."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.services import flyway
from labkit.services.postgres.limits import GRADED


class Flyway(Kind):
    """SQL files that the real Flyway, which is trusted, runs as the database's role."""

    stub = "your files here, each below a line with its name"
    service = "postgres"
    database = GRADED
    seconds = flyway.DEADLINE
    fetches = flyway.FETCHES


KIND = Flyway
