"""The load client of the labs about connections beside `websockets`' own client, on one core; and 10,000 connections opened, held and closed.

Both talk to the same server, which is a process of its own. What counts is the processor time of the client's thread: so the server,
and whatever else runs on the machine, make no difference.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from websockets.asyncio.client import ClientConnection, unix_connect

from benchmarks.measure import Row
from labkit.kinds.server.weight import weigh
from labkit.kinds.websocket.crowd import AT_ONCE, Crowd, room
from labkit.kinds.websocket.instance import LIMITS, Instance
from labkit.kinds.websocket.stage import Stage
from labkit.sandbox import Unsafe

SOME, MOST, TEXTS = 1_000, 10_000, 20
TEXT = "x" * 100
HELD = 10.0  # seconds
FACTOR, BUDGET, MEMORY = 3.0, 20.0, 400.0  # times as much, seconds, MB
SERVER = """
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


def rows() -> Iterator[Row]:
    """Connections and messages a second of the client's processor time, and what 10,000 connections take."""
    phones = room(MOST)
    limits = replace(LIMITS, seconds=300, cpu_seconds=300, open_files=phones + 200)
    with Stage() as stage:
        instance = stage.enter(Instance(Unsafe(), SERVER, limits=limits))
        path = instance.path
        ours, theirs = crowd(path), asyncio.run(library(path))
        again = crowd(path)
        for what, at, count in (("connections", 0, SOME), ("messages", 1, SOME * TEXTS)):
            mine, other = count * 2 / (ours[at] + again[at]), count / theirs[at]
            yield Row(
                f"{what} a second on one core: ours / websockets' client",
                f"{mine:,.0f} / {other:,.0f} = {mine / other:.1f} x",
                f">= {FACTOR:g} x",
                mine / other >= FACTOR,
            )
        yield held(instance, phones)


def crowd(path: Path) -> tuple[float, float]:
    """Seconds of processor time to open connections, and for each of them to say things and be answered."""
    with Crowd(path, compression=False) as crowd:
        began = time.thread_time()
        crowd.grow(SOME)
        opened = time.thread_time()
        for _ in range(TEXTS):
            crowd.say(TEXT)
            crowd.hear(TEXT)
        said = time.thread_time()
        crowd.leave()
    return opened - began, said - opened


async def library(path: Path) -> tuple[float, float]:
    """The same with the library's client."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def connect() -> ClientConnection:
        async with gate:
            return await unix_connect(str(path), compression=None, ping_interval=None)

    async def talk(client: ClientConnection) -> None:
        for _ in range(TEXTS):
            await client.send(TEXT)
            await client.recv()

    began = time.thread_time()
    clients = await asyncio.gather(*(connect() for _ in range(SOME)))
    opened = time.thread_time()
    await asyncio.gather(*map(talk, clients))
    said = time.thread_time()
    await asyncio.gather(*(client.close() for client in clients))
    return opened - began, said - opened


def held(instance: Instance, phones: int) -> Row:
    """As many as the machine lets one process have, 10,000 at most."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Crowd(instance.path, compression=False) as crowd:
        began = time.perf_counter()
        crowd.grow(phones)
        opened = time.perf_counter()
        crowd.wait(HELD)
        server, waited = weigh(instance.tree).megabytes, time.perf_counter()
        crowd.leave()
        closed = time.perf_counter()
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    seconds = closed - began
    return Row(
        f"{phones:,} connections opened, held {HELD:g} s, closed: in all (open, close); memory of ours, of the server",
        f"{seconds:.1f} s ({opened - began:.1f} s, {closed - waited:.1f} s); {ours:.0f} MB (+{ours - before / 1e3:.0f}), {server:.0f} MB",
        f"<= {BUDGET:g} s, {MEMORY:g} MB",
        seconds <= BUDGET and ours <= MEMORY,
    )
