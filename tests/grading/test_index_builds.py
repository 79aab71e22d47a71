"""An index that is built CONCURRENTLY is told from one that is not, whatever else the migration does."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from labkit.services.postgres import GRADED, Database, Template, postgres
from labkit.services.postgres.index_builds import IndexBuilds
from tests.patience import until

ROWS = Template(
    "index_builds",
    ("CREATE TABLE item (id int); INSERT INTO item SELECT generate_series(1, 1000)",),
    seed=1,
)
CONCURRENTLY = "CREATE INDEX CONCURRENTLY chosen ON item (id)"
PLAIN = "CREATE INDEX chosen ON item (id)"
COPY = "BEGIN; CREATE TABLE new (LIKE item); INSERT INTO new TABLE item; ALTER TABLE item RENAME TO old; COMMIT"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres("grading-builds") as server, server.database(ROWS, limits=GRADED) as database:
        yield database


def is_seen(database: Database, *migrations: str) -> bool:
    """Whether the index `chosen` was seen to be built CONCURRENTLY, when these ran one after the other."""
    database.reset()
    with IndexBuilds(database) as builds, database.connect() as connection:
        for migration in migrations:
            connection.execute(migration.encode())
    (number,) = catalog(database, "SELECT to_regclass('public.chosen')::oid")[0]
    return number in builds.concurrent


def catalog(database: Database, query: str) -> list[tuple]:
    with database.admin() as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize(
    "before",
    [
        [],
        ["ALTER TABLE item ADD COLUMN price int; UPDATE item SET price = id"],
        ["BEGIN; LOCK item; SELECT pg_sleep(0.05); COMMIT"],
        [COPY, "ALTER TABLE new RENAME TO item"],
        ["SET lock_timeout = '100ms'", "DROP TABLE item; CREATE TABLE item (id int)"],
        ["CREATE INDEX ON item (id)"],
        ["CREATE UNIQUE INDEX CONCURRENTLY other ON item (id)", "DROP INDEX CONCURRENTLY other"],
        ["BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE item SET id = id + 1; COMMIT"],
    ],
)
def test_one_built_concurrently_is_seen_whatever_comes_before(database: Database, before: list[str]) -> None:
    assert is_seen(database, *before, CONCURRENTLY)


@pytest.mark.parametrize(
    "migrations",
    [
        [PLAIN],
        [f"BEGIN; {PLAIN}; COMMIT"],
        [PLAIN, "REINDEX INDEX CONCURRENTLY chosen"],
        [CONCURRENTLY, f"BEGIN; DROP INDEX chosen; {PLAIN}; COMMIT"],
        [CONCURRENTLY.replace("chosen", "other"), PLAIN],
        [PLAIN, "CLUSTER item USING chosen", "ALTER TABLE item SET WITHOUT CLUSTER"],
    ],
)
def test_one_that_made_writers_wait_is_not(database: Database, migrations: list[str]) -> None:
    assert not is_seen(database, *migrations)


def test_nobody_waits_for_it_and_nothing_is_left(database: Database) -> None:
    """Were it not let go on, a build would wait for the watch for good."""
    assert is_seen(database, *[CONCURRENTLY, "DROP INDEX CONCURRENTLY chosen"] * 10, CONCURRENTLY)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert until(lambda: catalog(database, ours) == [(0,)])  # the server ends a session a moment after it was closed


def test_one_that_could_not_be_watched_is_an_error_and_does_not_wait(database: Database) -> None:
    database.reset()
    watched = IndexBuilds(database).__enter__()
    catalog(database, f"SELECT pg_terminate_backend({watched._onlooker.info.backend_pid}, 5000)")
    with database.connect() as connection:
        connection.execute(CONCURRENTLY)
    with pytest.raises(psycopg.OperationalError):
        watched.__exit__(None)
