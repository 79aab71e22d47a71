"""What a check does to a handler's database: it takes its connections, and sees what its sessions hold."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from labkit.kinds.function.meddling import Meddler
from labkit.services.postgres import GRADED, Database, Template, postgres
from tests.patience import until

TABLE = Template("meddled", ("CREATE TABLE item (id int)",), seed=1)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """An empty one, with a role that may have 20 connections."""
    with postgres("meddling", "embedded") as server, server.database(TABLE, limits=GRADED) as database:
        yield database


@pytest.fixture
def meddler(database: Database) -> Iterator[Meddler]:
    """One without a handler."""
    with Meddler(database, cast(Any, SimpleNamespace(function=None))) as meddler:
        yield meddler


def has_one(database: Database) -> bool:
    """Whether a connection is free. A session that was closed takes a moment to be gone."""
    try:
        database.connect().close()
    except psycopg.OperationalError:
        return False
    return True


def test_all_connections_are_taken_but_so_many(meddler: Meddler, database: Database):
    with meddler.occupied() as release:
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            database.connect()
        release()
        assert until(lambda: has_one(database))
    with meddler.occupied(but=1):
        assert until(lambda: has_one(database))


def test_sessions_are_told_with_what_they_hold(meddler: Meddler, database: Database):
    with database.connect(autocommit=False) as one, database.connect() as other:
        one.execute("SELECT FROM item FOR UPDATE")
        other.execute("SELECT pg_advisory_lock(1)")
        told = [(state, locks) for _, state, locks in meddler.sessions()]
    assert told == [("idle in transaction", ["public.item"]), ("idle", ["advisory"])]
    with meddler.held("SELECT FROM item"), meddler.occupied(but=2):
        assert meddler.sessions() == []  # a check's own are none of the handler's
