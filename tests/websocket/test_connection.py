"""The course's own ends of a connection, against the library that learners use."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.frames import TEXT, Frame
from labkit.kinds.websocket.host import Host
from tests.websocket.conftest import library_server, play


@pytest.mark.parametrize("compression", [False, True])
def test_messages_go_both_ways(compression):
    async def scene():
        async with library_server() as path:
            client = await Client.open(path, "/", compression=compression)
            for content in ("hällo", b"\0\1", "", "long " * 10_000):
                client.send(content, pieces=(1, 2))
                got = await client.receive()
                assert got.content == content
                assert got.compressed is compression
            client.close(1000)
            assert str(await client.ended()) == "1000"

    play(scene())


def test_pings_are_answered_unless_told_otherwise():
    async def scene():
        async with library_server(ping_interval=0.05, ping_timeout=0.2, close_timeout=0.1) as path:
            good, bad = [await Client.open(path) for _ in range(2)]
            bad.answers_pings = False
            ending = await bad.ended()
            assert (ending.code, ending.reason) == (1011, "keepalive ping timeout")
            assert good.ending is None
            good.cut()

    play(scene())


def test_one_that_vanished_sees_when_it_is_let_go_which_takes_all_three_times():
    async def scene():
        async with library_server(ping_interval=0.05, ping_timeout=0.1, close_timeout=0.5) as path:
            client = await Client.open(path)
            client.vanish()
            begun = time.monotonic()
            client.send("nobody hears this")
            await client.ended()
            assert time.monotonic() - begun > 0.6
            assert client.told
            assert client.told[0] == 1011
            assert not client.waiting

    play(scene())


def test_an_end_without_a_close_frame_is_1006():
    async def scene():
        async with library_server(lambda connection: connection.transport.abort()) as path:
            client = await Client.open(path)
            with pytest.raises(Ended, match="1006"):
                await client.receive()

    play(scene())


def test_a_refusal_has_its_status():
    async def scene():
        async with library_server(process_request=lambda connection, _: connection.respond(403, "no\n")) as path:
            with pytest.raises(Refused, match="403") as refused:
                await Client.open(path)
            assert refused.value.status == 403

    play(scene())


def test_nobody_listens(tmp_path):
    with pytest.raises(Refused, match="nobody listens"):
        play(Client.open(tmp_path / "none.sock"))


def test_what_does_not_come_is_awaited_for_so_long_and_no_longer():
    async def scene():
        async with library_server() as path:
            client = await Client.open(path)
            with pytest.raises(Silence, match="a message did not come within"):
                await client.receive(0.05)
            client.cut()

    play(scene())


def test_a_frame_that_breaks_the_rules_is_answered_as_they_say():
    async def scene():
        async with library_server() as path:
            client = await Client.open(path)
            client.send_frame(Frame(TEXT, b"\xff"))
            assert (await client.ended()).code == 1007

    play(scene())


@pytest.mark.parametrize("compression", [False, True])
def test_a_server_of_ours_serves_the_library(compression):
    async def scene():
        def on_data(served):
            while served.waiting:
                served.send(served.waiting.pop(0).content)

        async with (
            Host(lambda served: served.accept(compression=compression), on_data) as host,
            unix_connect(str(host.path), "ws://localhost/x?after=7") as library,
        ):
            for content in ("hällo", b"\0\1"):
                await library.send(content)
                assert await library.recv() == content
            (served,) = host.connections
            assert served.head is not None
            assert served.head.target == "/x?after=7"
            await library.close(4001, "enough")
            assert str(await served.ended()) == "4001 'enough'"

    play(scene())


def test_a_server_of_ours_closes_refuses_and_is_down():
    async def scene():
        async with Host(lambda served: served.accept()) as host:
            library = await unix_connect(str(host.path), "ws://localhost/")
            host.connections[0].close(1012, "deploy")
            with pytest.raises(ConnectionClosed, match="1012"):
                await library.recv()
            host._on_request = lambda served: served.refuse(429, "Too Many Requests", [("Retry-After", "1")])
            with pytest.raises(InvalidStatus) as refused:
                await unix_connect(str(host.path), "ws://localhost/")
            assert refused.value.response.headers["Retry-After"] == "1"
            host.is_down = True
            with pytest.raises((EOFError, OSError, Exception)):
                await asyncio.wait_for(unix_connect(str(host.path), "ws://localhost/").__aenter__(), 5)
            assert len(host.knocks) == 3

    play(scene())
