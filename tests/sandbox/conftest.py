"""What untrusted programs work on: a database with one table, on each backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.services.postgres import GRADED, Database, Postgres, Template, postgres

THINGS = Template("things", ("CREATE TABLE things (id int PRIMARY KEY)",), 1)


@pytest.fixture
def server(backend: str) -> Iterator[Postgres]:
    """A server, on each backend."""
    with postgres("grading") as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    """A database with one table."""
    with server.database(THINGS, limits=GRADED) as made:
        yield made


@pytest.fixture
def other(server: Postgres) -> Iterator[Database]:
    """Another one like it."""
    with server.database(THINGS, limits=GRADED) as made:
        yield made
