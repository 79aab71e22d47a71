"""Several instances on one database: each has its own way to it, which is cut, held and bounded; and the picture of an evening."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from labkit.kinds.server import rooms
from labkit.kinds.server.fleet import CONNECTIONS, Fleet
from labkit.kinds.websocket.connection import Client, Silence
from labkit.kinds.websocket.instance import DoesNotListen
from labkit.services.postgres import Database, Template, postgres
from tests.websocket.conftest import library_server, play

NOTHING = Template("nothing", ("CREATE TABLE nothing (id int)",), 1)
ASKS = """
import asyncio, json, os, psycopg
from websockets.asyncio.server import unix_serve

async def handler(connection):
    sessions = []
    async for message in connection:
        try:
            if message == "connect" or not sessions:
                sessions.append(await psycopg.AsyncConnection.connect(autocommit=True))
            found = (await (await sessions[-1].execute("SELECT current_database()")).fetchone())[0]
        except psycopg.Error:
            sessions.clear()
            found = "lost"
        await connection.send(json.dumps(found))

async def main():
    async with unix_serve(handler, os.environ["SOCKET"]) as server:
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def database(backend: str) -> Iterator[Database]:
    """A database, on each backend."""
    with postgres("grading") as server, server.database(NOTHING) as made:
        yield made


async def asked(client: Client, what: str = "") -> object:
    """What a client is answered."""
    client.send(what)
    return json.loads((await client.receive()).content)


def test_an_instance_loses_its_database_and_the_other_one_does_not(anywhere, database):
    async def scene():
        async with Fleet(anywhere, ASKS, database, size=2) as fleet:
            one, other = await fleet.client(0), await fleet.client(1)
            assert [await asked(one), await asked(other)] == [database.name] * 2
            fleet.cut_off(0)
            assert [await asked(one), await asked(one), await asked(other)] == ["lost", "lost", database.name]
            fleet.reconnect(0)
            assert await asked(one) == database.name
            fleet.restart_database()
            assert [await asked(client) for client in (one, other)] == ["lost", "lost"]
            assert [await asked(client) for client in (one, other)] == [database.name] * 2
            assert fleet.ended() == ""
            await fleet.kill(0)
            assert await asked(other) == database.name
            assert fleet.ended() == ""

    play(scene())


def test_connections_are_counted_and_refused(anywhere, database):
    async def scene():
        async with Fleet(anywhere, ASKS, database, size=1) as fleet:
            client = await fleet.client(0)
            for _ in range(CONNECTIONS):
                assert await asked(client, "connect") == database.name
            assert fleet.relay(0).refused == 0
            assert await asked(client, "connect") == "lost"
            assert fleet.relay(0).refused == 1

    play(scene())


def test_a_server_that_does_not_start_says_why(anywhere, database):
    async def scene():
        async with Fleet(anywhere, "raise ValueError('not today')", database):
            pass

    with pytest.raises(DoesNotListen, match="not today"):
        play(scene())


def test_who_does_not_read_sees_that_it_was_let_go():
    connections = []

    async def floods(connection):
        connections.append(connection)
        for _ in range(20):
            await connection.send("x" * 100_000)

    async def scene():
        async with library_server(floods, compression=None) as path:
            client = await Client.open(path)
            client.pause()
            with pytest.raises(Silence):
                await client.let_go(0.2)
            connections[0].transport.abort()
            await client.let_go()

    play(scene())


def test_the_picture_says_who_heard_what():
    said = [rooms.Said(0.1, True, [1, 1, 1]), rooms.Said(0.2, True, [0, 1, 2])]
    assert [one.is_kept for one in said] == [True, False]
    assert rooms.told(said).startswith(
        "Of 2 messages that were acknowledged, the member at A never heard 1, and 0 again"
    )
