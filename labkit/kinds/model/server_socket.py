"""The socket that leads a sandboxed program to its MLflow server, and lets a check see its requests pass, or hold one."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labkit.sandbox import Relay

REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) /at/[0-9a-f]+(/\S*) HTTP/1\.1\r\n")
READING = re.compile(r".*/(search|search-datasets|graphql)(\?.*)?")
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Request:
    """One request that a program makes: what it may change is anything but reading."""

    method: str
    path: str

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method not in ("GET", "HEAD") and not READING.fullmatch(self.path)


class ServerSocket(Relay):
    """A relay to one server. `before(request)` is asked, in a thread of the relay's, as each request begins; True holds it until `let_go`."""

    def __init__(self, host: str, port: int, *, connections: int) -> None:
        super().__init__(host, port, connections=connections)
        self.before: Callable[[Request], bool] = lambda request: False
        self.held = threading.Event()
        self._go_on = asyncio.Event()

    def let_go(self) -> None:
        """What is held goes on."""
        self.before = lambda request: False
        with suppress(RuntimeError):  # the relay is closed
            self._loop.call_soon_threadsafe(self._go_on.set)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection(self._host, self._port)
        ways: list[Any] = [
            asyncio.ensure_future(self._out(reader, down)),
            asyncio.ensure_future(self._copy(up, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            down.close()

    async def _out(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if (found := REQUEST.match(data)) and self.before(Request(found[1].decode(), found[2].decode())):
                    self._go_on.clear()
                    self.held.set()
                    await self._go_on.wait()
                target.write(data)
                await target.drain()
