"""Commands of golang-migrate, of which only some forms are let through, and SQL by hand."""

from __future__ import annotations

from labkit.kinds.migrate.kind import Migrate


class MigrateRunbook(Migrate):
    """Commands of golang-migrate, of which only some forms are let through, and SQL by hand."""

    stub = "your commands here"


KIND = MigrateRunbook
