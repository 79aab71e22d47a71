"""A siege, as the lab under-attack shows it: at a server that lets everything through, and at one that lets nobody else in."""

from __future__ import annotations

import pytest

from labkit.kinds.server import siege

LETS_EVERYTHING_THROUGH = """
import asyncio, json, os
from websockets.asyncio.server import broadcast, unix_serve

async def hall(connection):
    user = connection.request.headers["X-User"]
    async for text in connection:
        broadcast(connection.server.connections, json.dumps({"from": user, "text": text}))

async def main():
    async with unix_serve(hall, os.environ["SOCKET"]) as server:
        await server.serve_forever()

asyncio.run(main())
"""
ONE_ONLY = LETS_EVERYTHING_THROUGH.replace(
    "    async with unix_serve(hall, ",
    """    def enter(connection, request):
        if request.headers["X-User"] != "ada":
            return connection.respond(429, "")

    async with unix_serve(hall, process_request=enter, path=""",
)


def test_an_attack_is_seen():
    seen = siege.besieged(LETS_EVERYTHING_THROUGH)
    assert seen.open == siege.CONNECTIONS
    assert seen.noise > siege.WORDS / 2
    assert len(seen.waits) > 20
    assert "things that the honest client said" in siege.told(seen)


def test_without_an_attacker_nobody_waits():
    seen = siege.besieged(ONE_ONLY)
    assert (seen.open, seen.noise, seen.lost) == (0, 0, False)
    assert seen.waits
    assert f"0 of {siege.CONNECTIONS}" in siege.told(seen)


def test_a_server_that_does_not_start_gives_an_empty_siege(capsys):
    seen = siege.besieged("raise ValueError('not today')")
    assert (seen.waits, seen.longest) == ([], 0.0)
    assert "not today" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["no JSON", "[1, 2]", "7", b"\xff"])
def test_what_is_no_message_is_none(content):
    assert siege.message_of(content) == {}
