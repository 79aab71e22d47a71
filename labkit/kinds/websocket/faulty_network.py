"""A network that can go wrong, between a client and a server: it listens on a Unix socket of its own, and leads to another one.

What it does to a connection is drawn from a seed and the connection's number, so it is the same each time. It needs no
privileges: what is lost is not sent on, and what is late is sent later.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from labkit.course.home import run_folder

CHUNK = 64 * 1024
BETWEEN_PIECES = 0.002  # seconds, so that the receiver reads them one by one


@dataclass(frozen=True)
class Faults:
    """What a network does to each connection; a pair is a range to draw from.

    `delay`: seconds that bytes travel. `pieces`: bytes of a piece that arrives alone, whatever the frames are. `gather`:
    seconds for which bytes are collected, and then arrive together. `pace`: bytes a second, towards the client (a slow
    reader). `cut_after`, `vanish_after`: bytes towards the client after which the connection is cut, or lost without a sign.
    """

    delay: tuple[float, float] = (0.0, 0.0)
    pieces: tuple[int, int] | None = None
    gather: float = 0.0
    pace: float | None = None
    cut_after: tuple[int, int] | None = None
    vanish_after: tuple[int, int] | None = None


NONE = Faults()


class FaultyNetwork:
    """Forwards connections on `socket` to wherever `route` says for the connection's number. An async context manager."""

    def __init__(self, route: Callable[[int], Path | None], faults: Faults = NONE, *, seed: int = 0) -> None:
        self.route, self.faults, self.seed = route, faults, seed
        self.links: list[Link] = []
        self._folder = Path(tempfile.mkdtemp(prefix="net-", dir=run_folder()))
        self.socket = self._folder / "network.sock"

    async def __aenter__(self) -> Self:
        self._folder.chmod(0o711)
        self._server = await asyncio.start_unix_server(self._accept, self.socket, limit=CHUNK)
        self.socket.chmod(0o666)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for link in self.links:
            link.cut()
        await asyncio.gather(*(link.task for link in self.links), return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def open_links(self) -> list[Link]:
        """The connections that are open now."""
        return [link for link in self.links if not link.task.done()]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.links)
        path = self.route(number)
        task = asyncio.current_task()
        assert task is not None
        link = Link(number, path, self.faults, random.Random(f"{self.seed}/{number}"), task)
        self.links.append(link)
        await link.run(reader, writer)


class Link:
    """One connection through the network. What is wrong with it can be changed while it is open."""

    def __init__(
        self, number: int, path: Path | None, faults: Faults, chance: random.Random, task: asyncio.Task[None]
    ) -> None:
        self.number, self.path, self.faults, self.task = number, path, faults, task
        self._chance = chance
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._left: dict[str, int | None] = {
            "cut": chance.randint(*faults.cut_after) if faults.cut_after else None,
            "vanish": chance.randint(*faults.vanish_after) if faults.vanish_after else None,
        }

    def vanish(self) -> None:
        """Nothing gets through any more, in either direction, and neither side is told: a half-open connection."""
        self._flows.clear()

    def recover(self) -> None:
        """The end of `vanish`: what was held arrives."""
        self._flows.set()

    def cut(self) -> None:
        """Ends the connection on both sides at once."""
        for writer in self._writers:
            writer.transport.abort()
        self.task.cancel()

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards until both sides have ended, or one is broken."""
        self._writers.append(writer)
        try:
            if self.path is None:
                return
            up, down = await asyncio.open_unix_connection(self.path, limit=CHUNK)
            self._writers.append(down)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, down, to_client=False))
                both.create_task(self._forward(up, writer, to_client=True))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # one side is gone, or we are
        finally:
            for each in self._writers:
                with suppress(OSError, RuntimeError):
                    each.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, to_client: bool) -> None:
        """One direction. Bytes that are on their way are kept in order, and bounded: who waits for long reads nothing more."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._arrive(on_the_way, target, to_client))
            due = 0.0
            while True:
                data = await source.read(CHUNK)
                due = max(due, time.monotonic() + self._chance.uniform(*self.faults.delay))
                await self._flows.wait()
                await on_the_way.put((due, data))
                if not data:
                    return

    async def _arrive(
        self, on_the_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter, to_client: bool
    ) -> None:
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if data and self.faults.gather:
                await asyncio.sleep(self.faults.gather)
                while not on_the_way.empty() and data:
                    more = on_the_way.get_nowait()[1]
                    data += more
                    if not more:
                        on_the_way.put_nowait((0.0, b""))
                        break
            await self._flows.wait()
            if not data:
                if target.can_write_eof():
                    target.write_eof()
                return
            await self._deliver(data, target, to_client)

    async def _deliver(self, data: bytes, target: asyncio.StreamWriter, to_client: bool) -> None:
        allowed, then = self._allowed(len(data)) if to_client else (len(data), "")
        for piece in self._pieces(data[:allowed]):
            target.write(piece)
            await target.drain()
            if self.faults.pace and to_client:
                await asyncio.sleep(len(piece) / self.faults.pace)
            elif self.faults.pieces:
                await asyncio.sleep(BETWEEN_PIECES)
        if then == "cut":
            self.cut()
        elif then:
            self.vanish()
            await self._flows.wait()
            await self._deliver(data[allowed:], target, to_client)

    def _allowed(self, size: int) -> tuple[int, str]:
        """How many bytes still reach the client, and what happens to the connection after them."""
        for then, left in self._left.items():
            if left is not None:
                self._left[then] = None if size >= left else left - size
                if size >= left:
                    return left, then
        return size, ""

    def _pieces(self, data: bytes) -> list[bytes]:
        if self.faults.pace:
            step = max(1, int(self.faults.pace / 20))
            return [data[at : at + step] for at in range(0, len(data), step)]
        if not self.faults.pieces:
            return [data]
        pieces = []
        while data:
            size = self._chance.randint(*self.faults.pieces)
            pieces.append(data[:size])
            data = data[size:]
        return pieces
