"""A crowd of clients: let in, heard, refused, ended and left; and what a server weighs with them."""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, unix_serve

from labkit.course.home import run_folder
from labkit.kinds.server import idlers
from labkit.kinds.server.weight import can_weigh, weigh
from labkit.kinds.websocket import crowd as crowd_module
from labkit.kinds.websocket.connection import Ended, Refused, Silence
from labkit.kinds.websocket.crowd import OWN_FILES, Crowd, Unheard, room
from labkit.kinds.websocket.frames import Violation

ECHO = """
import asyncio, os
from websockets.asyncio.server import unix_serve

async def echo(connection):
    async for text in connection:
        await connection.send(text)

async def main():
    async with unix_serve(echo, os.environ["SOCKET"], compression=None) as server:
        await server.serve_forever()

asyncio.run(main())
"""


async def echo(connection: ServerConnection) -> None:
    """Says what it hears."""
    async for text in connection:
        await connection.send(text)


@contextmanager
def serving(handler=echo, **options) -> Iterator[Path]:
    """A server of the library in a thread of its own."""
    path = run_folder() / f"crowd-{os.getpid()}.sock"
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def main() -> None:
        async with unix_serve(handler, str(path), **options) as server:
            stop.append(lambda: loop.call_soon_threadsafe(server.close))
            ready.set()
            await server.wait_closed()

    stop: list = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    ready.wait(10)
    try:
        yield path
    finally:
        stop[0]()
        thread.join()
        loop.close()
        path.unlink(missing_ok=True)


@contextmanager
def saying(*data: bytes) -> Iterator[Path]:
    """A server that answers whatever comes with these bytes, one after the other."""
    path = run_folder() / f"crowd-raw-{os.getpid()}.sock"
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for each in data:
            writer.write(each)
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.close()

    async def main() -> None:
        async with await asyncio.start_unix_server(answer, str(path)):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    ready.wait(10)
    try:
        yield path
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("size", [1, 125, 126, 5_000])
def test_all_are_heard(compression: str | None, size: int):
    with serving(compression=compression) as path, Crowd(path) as crowd:
        crowd.grow(200)
        assert (len(crowd), crowd.open) == (200, 200)
        for letter in "ab":
            crowd.say(letter * size)
        crowd.hear("a" * size)
        crowd.hear("b" * size)
        assert crowd.untaken() is None
        assert set(crowd.leave()) == {1000}
        assert len(crowd) == 0


def test_some_speak_and_the_others_hear_nothing():
    with serving() as path, Crowd(path) as crowd:
        crowd.grow(50)
        some = crowd.some(5)
        crowd.say("here", some)
        crowd.hear("here", who=some)
        crowd.wait(0.05)
        assert len(some) == 5
        assert crowd.untaken() is None
        assert len(crowd.latest(7)) == 7
        crowd.say("two", some[:1])
        with pytest.raises(Unheard) as caught:
            crowd.hear("three", who=some[:1])
        assert caught.value.found == "two"
        with pytest.raises(Silence):
            crowd.hear("four", 0.1, who=some)


def test_fragments_and_bytes_are_put_together():
    async def in_pieces(connection: ServerConnection) -> None:
        await connection.send(["he", "l", "lo"])
        await connection.send(b"bytes")
        await connection.send("short")
        await connection.wait_closed()

    with serving(in_pieces, compression=None) as path, Crowd(path) as crowd:
        crowd.grow(20)
        crowd.hear("hello")
        with pytest.raises(Unheard, match="something else"):
            crowd.hear("bytes", who=crowd.some(1))


def test_pings_are_answered_and_counted():
    with serving(ping_interval=0.1, ping_timeout=5) as path, Crowd(path) as crowd:
        crowd.grow(20)
        crowd.wait(0.5)
        assert crowd.pings >= 20
        crowd.say("still here")
        crowd.hear("still here")


def test_who_is_refused_is_told_the_status():
    def enter(connection, request):
        return connection.respond(503, "full\n")

    with serving(process_request=enter) as path, Crowd(path) as crowd:
        with pytest.raises(Refused, match="503") as caught:
            crowd.grow(5)
        assert caught.value.status == 503


def test_a_close_is_noticed():
    async def ends(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(4000, "enough")

    with serving(ends) as path, Crowd(path) as crowd:
        crowd.grow(5)
        crowd.say("x", crowd.some(1))
        with pytest.raises(Ended) as caught:
            crowd.wait(5)
        assert (caught.value.ending.code, caught.value.ending.reason) == (4000, "enough")


SHAKES = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "


def test_a_wrong_handshake_and_a_flood_are_violations(monkeypatch: pytest.MonkeyPatch):
    with saying(SHAKES + b"nothing\r\n\r\n") as path, Crowd(path) as crowd, pytest.raises(Violation, match="Accept"):
        crowd.grow(1)
    monkeypatch.setattr(crowd_module, "MOST_BYTES", 1_000)
    with serving(compression=None) as path, Crowd(path) as crowd:
        crowd.grow(1)
        crowd.say("x" * 2_000)
        with pytest.raises(Violation, match="flood"):
            crowd.hear("x" * 2_000)


def test_half_an_answer_is_waited_for_and_none_is_a_refusal():
    with (
        saying(b"HTTP/1.1 101 Swi", b"tching Protocols\r\n") as path,
        Crowd(path) as crowd,
        pytest.raises(Refused, match="said nothing"),
    ):
        crowd.grow(1)
    with Crowd(Path("/nowhere/at.sock")) as crowd, pytest.raises(Refused, match="nobody listens"):
        crowd.grow(1)


def test_who_reads_nothing_gets_all_of_it_later():
    with serving() as path, Crowd(path) as crowd:
        crowd.grow(1)
        for number in range(300):
            crowd.say(f"{number}".ljust(2_000))
        for number in range(300):
            crowd.hear(f"{number}".ljust(2_000))


def test_room_keeps_files_for_the_process(monkeypatch: pytest.MonkeyPatch):
    limits = [(256, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert room(1_000) == 1_000
    assert limits[-1] == (1_000 + OWN_FILES, 4_096)
    assert room(10_000) == 4_096 - OWN_FILES
    limits.append((100, 100))
    assert room(10) == 0
    limits.append((resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert room(10_000) == 10_000


def test_a_process_weighs_something():
    assert can_weigh(os.getpid())
    mine = weigh(os.getpid())
    assert 5 < mine.megabytes < 5_000
    assert mine.seconds > 0
    assert not can_weigh(0)
    assert weigh(2**30) == (0, 0.0)


def test_a_server_fills_up_until_its_memory_is_gone(monkeypatch: pytest.MonkeyPatch):
    seen = idlers.filled(ECHO, 600)
    assert (seen.phones, seen.wanted, seen.why) == (600, 600, "")
    assert seen.megabytes > 10
    assert "600 phones of 600" in idlers.told(seen)
    hungry = ECHO.replace("    async for", "    eaten = b'x' * 1_000_000\n    async for")
    ended = idlers.filled(hungry, 2_000)
    assert ended.phones < 1_000
    assert "memory" in ended.why


def test_a_server_that_does_not_start_fills_with_nobody(capsys: pytest.CaptureFixture[str]):
    seen = idlers.filled("raise ValueError('not today')", 10)
    assert (seen.phones, seen.megabytes) == (0, 0.0)
    assert "not today" in capsys.readouterr().out


def test_what_one_costs_is_measured():
    costs = idlers.cost_of_one(
        {"plain": ECHO, "buffer": ECHO.replace("    async for", "    kept = b'x' * 60_000\n    async for")}
    )
    assert 5 < costs["plain"] < 40
    assert costs["buffer"] > costs["plain"] + 40
