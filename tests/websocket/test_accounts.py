"""The accounts, as a learner's server asks them from its sandbox; and the picture of who is in."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from labkit.kinds.server import visits
from labkit.kinds.server.desk import Desk
from labkit.kinds.websocket.connection import Client, Refused
from tests.websocket.conftest import play

ASKS = """
import asyncio, json, os
from accounts import identify, may
from websockets.asyncio.server import unix_serve

async def handler(connection):
    async for message in connection:
        what, *args = json.loads(message)
        try:
            found = await (identify if what == "identify" else may)(*args)
        except ConnectionError as error:
            found = f"ConnectionError: {error}"
        await connection.send(json.dumps(found))

async def main():
    async with unix_serve(handler, os.environ["SOCKET"]) as server:
        await server.serve_forever()

asyncio.run(main())
"""
LETS_ALL_IN = """
import asyncio, os
from websockets.asyncio.server import unix_serve

async def main():
    async with unix_serve(lambda connection: connection.wait_closed(), os.environ["SOCKET"]) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_tokens_and_rights_come_and_go(anywhere):
    async def scene():
        async with Desk(anywhere, ASKS) as desk:
            client, accounts = await desk.client("/"), desk.accounts

            async def asked(*what: Any) -> Any:
                client.send(json.dumps(what))
                return json.loads((await client.receive()).content)

            token, brief = accounts.issue("ada"), accounts.issue("bob")
            accounts.lasts(brief, 0)
            assert [await asked("identify", one) for one in (token, brief, "other", None, 7)] == ["ada", *[None] * 4]
            assert await asked("may", "ada", "read", "ward") is False
            accounts.allow("ada", "read write", "ward", "hall")
            assert [await asked("may", "ada", "write", room) for room in ("ward", "hall", "cellar")] == [
                True,
                True,
                False,
            ]
            accounts.forbid("ada", "write", "ward")
            assert [await asked("may", "ada", action, "ward") for action in ("read", "write")] == [True, False]
            accounts.is_down = True
            assert token in await asked("identify", token)
            assert "ConnectionError" in await asked("may", "ada", "read", "ward")
            accounts.is_down = False
            accounts.revoke(token)
            assert await asked("identify", token) is None

    play(scene())


def test_a_refusal_is_told_with_its_body():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwhy?")
        writer.close()

    async def scene(path):
        async with await asyncio.start_unix_server(refuse, path):
            try:
                await Client.open(path)
            except Refused as error:
                return error.status, error.body

    with tempfile.TemporaryDirectory() as folder:
        assert play(scene(Path(folder, "s.sock"))) == (401, b"why?")


def test_a_morning_tells_who_was_there_too_long():
    seen = visits.watched(LETS_ALL_IN)
    assert [visit.who for visit in seen if visit.too_long] == [visit.who for visit in seen][1:]
    assert "without a right" in visits.told(seen[-1])
    assert "right" not in visits.told(seen[0])
    assert visits.told(visits.Visit("one", 0.0)) == "one: refused"
