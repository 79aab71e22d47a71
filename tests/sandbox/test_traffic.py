"""What goes over a relay is counted from what the server says: connections, round trips, rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from labkit.sandbox import Relay
from labkit.sandbox.traffic import Counts, Heard, Traffic
from labkit.services.postgres import Database


@contextmanager
def connected(relay: Relay, database: Database, password: str = "") -> Iterator[psycopg.Connection]:
    """A connection through the relay, as the database's role."""
    known = database.environment(host=str(relay.socket.parent), port=5432)
    settings = {"user": known["PGUSER"], "dbname": known["PGDATABASE"], "password": password or known["PGPASSWORD"]}
    with psycopg.connect(host=known["PGHOST"], port=5432, autocommit=True, **settings) as connection:
        yield connection


def in_a_transaction(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT generate_series(1, %s)", [5])


def piped(connection: psycopg.Connection) -> None:
    with connection.pipeline():
        for number in range(20):
            connection.execute("SELECT %s::int", [number])


def many(connection: psycopg.Connection) -> None:
    connection.cursor().executemany("SELECT %s::int", [[n] for n in range(20)])


def copied(connection: psycopg.Connection) -> None:
    with connection.cursor().copy("COPY (SELECT generate_series(1, 7)) TO STDOUT") as copy:
        assert len(list(copy.rows())) == 7


def refused(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1 / %s", [0])


@pytest.mark.parametrize(
    ("does", "trips", "rows"),
    [(in_a_transaction, 3, 5), (piped, 1, 20), (many, 1, 20), (copied, 1, 7), (refused, 1, 0)],
)
def test_counts_what_a_client_waited_for(database: Database, does, trips: int, rows: int):
    with Relay(database.host, database.port) as relay, connected(relay, database) as connection:
        before = relay.traffic.now()
        assert before == Counts(connections=1)
        does(connection)
        spent = relay.traffic.now() - before
    assert spent.rows == rows
    assert trips <= spent.round_trips <= trips + 1  # a pipeline may ask once more


def test_counts_all_connections(database: Database):
    with Relay(database.host, database.port) as relay:
        for _ in range(3):
            with connected(relay, database) as connection:
                connection.execute("SELECT 1")
        assert relay.traffic.now() == Counts(connections=3, round_trips=3, rows=3)


def test_counts_connections_that_the_server_refuses(database: Database):
    with Relay(database.host, database.port) as relay:
        with (
            pytest.raises(psycopg.OperationalError, match="authentication failed"),
            connected(relay, database, "wrong"),
        ):
            pass
        assert relay.traffic.now() == Counts(refused=1)


def message(kind: bytes, size: int) -> bytes:
    return kind + (size + 4).to_bytes(4, "big") + bytes(size)


def test_messages_may_be_cut_anywhere():
    said = b"N" + message(b"R", 8) + message(b"Z", 1) + message(b"D", 70_000) + message(b"D", 0) + message(b"Z", 1)
    draw = random.Random(4)
    for _ in range(20):
        traffic = Traffic()
        heard, at = Heard(traffic), 0
        while at < len(said):
            step = draw.choice((1, 2, 3, 5, 4000, 65536))
            heard.hear(said[at : at + step])
            at += step
        assert traffic.now() == Counts(1, 1, 2)


def test_what_is_no_postgres_does_no_harm():
    traffic = Traffic()
    Heard(traffic).hear(bytes(1000) + b"\xff" * 1000)
    assert traffic.now() == Counts()
