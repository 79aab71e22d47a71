"""A database as instances of a function reach it: through one Unix socket, and nothing else leads out of them."""

from __future__ import annotations

import atexit
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from labkit.kinds.function.package import is_postgres_limit
from labkit.sandbox import Relay
from labkit.sandbox.traffic import Counts
from labkit.services.functions.running import Functions
from labkit.services.functions.settings import Settings

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab
    from labkit.services.postgres import Database

CONNECTIONS = 18  # at a time, of all instances together; the role itself may have 20
UNLIMITED = 64  # where the role's own limit is what a lab is about: Postgres itself refuses


class Outside:
    """A relay to the database. A context manager; leaving it cuts every connection."""

    def __init__(self, platform: Functions, database: Database, connections: int = CONNECTIONS) -> None:
        self._platform, self._database = platform, database
        self._relay = Relay(database.host, database.port, connections=connections)

    def __enter__(self) -> Self:
        self._relay.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._relay.close()

    def traffic(self) -> Counts:
        """What went over it until now: connections, round trips, rows, connections that were refused."""
        return self._relay.traffic.now()

    def reached_by(self, settings: Settings) -> Settings:
        """The settings of a function that `psycopg.connect()` leads to the database."""
        socket = self._relay.socket
        found = self._database.environment(host=self._platform.folder_of(socket), port=5432)
        return replace(settings, sockets=(str(socket),), environment={**settings.environment, **found})


_ways: dict[int, Outside] = {}  # by the database object: a learner's kernel has one at a time


def reached(lab: OpenLab, settings: Settings) -> Settings:
    """A learner's settings: where the lab has a database, its functions reach it."""
    if "postgres" not in lab.lab.needs:
        return settings
    return way_out(lab).reached_by(settings)


def way_out(lab: OpenLab) -> Outside:
    """The way to a learner's database, the same one for all of the lab's functions."""
    database = lab.place("postgres")
    if id(database) not in _ways:
        most = UNLIMITED if is_postgres_limit(lab.lab.key) else CONNECTIONS
        way = Outside(lab.running("functions"), database, most).__enter__()
        atexit.register(way.__exit__)
        _ways[id(database)] = way
    return _ways[id(database)]
