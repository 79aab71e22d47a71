"""A server of the course's own, for learners' clients: it decides about each connection, and knows when each was asked for."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from labkit.course.home import run_folder
from labkit.kinds.websocket.connection import Served


class Host:
    """Listens on the Unix socket `path`. `on_request` is called with each connection that asks to be opened, and
    accepts or refuses it, or leaves it waiting. An async context manager.

    While it is `down`, it ends connections before they say anything, as a proxy without a server behind it does.
    """

    def __init__(self, on_request: Callable[[Served], Any], on_data: Callable[[Served], Any] | None = None) -> None:
        self._on_request, self._on_data = on_request, on_data
        self._folder = Path(tempfile.mkdtemp(prefix="host-", dir=run_folder()))
        self.path = self._folder / "feed" / "feed.sock"
        self.connections: list[Served] = []
        self.knocks: list[float] = []  # when somebody connected, whether we were down or not; monotonic seconds
        self.is_down = False

    async def __aenter__(self) -> Self:
        self._folder.chmod(0o711)
        self.path.parent.mkdir(mode=0o711)
        self._server = await asyncio.get_running_loop().create_unix_server(self._made, str(self.path), backlog=1024)
        self.path.chmod(0o666)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self.connections:
            connection.cut()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _made(self) -> asyncio.Protocol:
        self.knocks.append(time.monotonic())
        if self.is_down:
            return _Nobody()
        connection = Served(self._on_request, self._on_data)
        self.connections.append(connection)
        return connection


class _Nobody(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
