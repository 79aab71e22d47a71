"""Functions that are called one at a time, each with a session on the database."""

from __future__ import annotations

from labkit.kinds.kind import ProgramKind
from labkit.services.postgres.limits import GRADED


class Python(ProgramKind):
    """Functions that are called one at a time, each with a session on the database."""

    stub = "your function here"
    service = "postgres"
    database = GRADED
    imports = ("psycopg", "inspect", "traceback")


KIND = Python
