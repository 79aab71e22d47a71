"""SQL files that the real golang-migrate, which is trusted, runs as the database's role."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.services import golang_migrate
from labkit.services.postgres.limits import GRADED


class Migrate(Kind):
    """SQL files that the real golang-migrate, which is trusted, runs as the database's role."""

    stub = "your files here, each below a line with its name"
    service = "postgres"
    database = GRADED
    seconds = golang_migrate.DEADLINE
    fetches = golang_migrate.FETCHES


KIND = Migrate
