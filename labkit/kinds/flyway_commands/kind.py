"""Commands of Flyway, of which only some, with some options, are let through."""

from __future__ import annotations

from labkit.kinds.flyway.kind import Flyway


class FlywayCommands(Flyway):
    """Commands of Flyway, of which only some, with some options, are let through."""

    stub = "your commands here"


KIND = FlywayCommands
