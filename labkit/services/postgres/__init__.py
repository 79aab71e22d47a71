"""Postgres for the labs: one server that is joined or started, and a database of its own for each answer.

    with postgres() as server, server.database(template) as database, database.connect() as connection: ...

Who owns the server is in `keeper`, how it runs in `embedded` and `docker`. Its names are imported when they are first used: the keeper
starts a server while psycopg would still be importing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.services.postgres.database import Database, TooLarge
    from labkit.services.postgres.limits import GRADED, LEARNER, Limits
    from labkit.services.postgres.running import Postgres, postgres
    from labkit.services.postgres.template import Template

__all__ = ["GRADED", "LEARNER", "Database", "Limits", "Postgres", "Template", "TooLarge", "postgres"]

HOMES = {
    "Postgres": "running",
    "postgres": "running",
    "Template": "template",
    "Database": "database",
    "TooLarge": "database",
}  # all others are in `limits`


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{HOMES.get(name, 'limits')}"), name)
