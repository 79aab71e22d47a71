"""A Unix socket that leads to one Postgres: all that a sandboxed program sees outside."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from labkit.course.home import run_folder
from labkit.sandbox.traffic import Heard, Traffic

CHUNK = 64 * 1024


class Relay:
    """Forwards connections on `socket` to Postgres at `host` (a name, or its socket's folder) and `port`.

    A context manager; leaving it closes every connection and removes the socket. When `connections` are open,
    a further one is closed at once, and counted in `refused`. `traffic` counts what goes over all of them.
    """

    def __init__(self, host: str, port: int, *, connections: int = 16) -> None:
        self._host, self._port, self._free = host, port, connections
        self._folder = Path(tempfile.mkdtemp(prefix="relay-", dir=run_folder()))
        self.socket = self._folder / "pg" / ".s.PGSQL.5432"
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.traffic = Traffic()
        self.refused = 0
        self.is_held = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._folder.chmod(0o711)  # the sandbox's user gets through, but only who was given the name
        self.socket.parent.mkdir()
        self.socket.parent.chmod(0o711)  # whatever the umask
        self._thread.start()
        try:
            self._do(self._listen())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._tasks)

    def hold(self) -> None:
        """From now on nothing gets through, and nobody in."""
        self.is_held = True
        self._loop.call_soon_threadsafe(self._flows.clear)

    def let_flow(self) -> None:
        """The end of `hold`."""
        self.is_held = False
        self._loop.call_soon_threadsafe(self._flows.set)

    def cut(self) -> None:
        """Ends the connections that are open, as a network that fails does."""
        self._do(self._end_all())

    def close(self) -> None:
        """Closes every connection and removes the socket."""
        if self._thread.is_alive():
            self._do(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _do(self, coroutine) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, self.socket)
        self.socket.chmod(0o666)

    async def _stop(self) -> None:
        if hasattr(self, "_server"):
            self._server.close()
        await self._end_all()

    async def _end_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._free -= 1
        self.refused += self._free < 0
        try:
            if self._free >= 0 and self._flows.is_set():
                await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one side is gone, or we are closing
        finally:
            self._free += 1
            self._tasks.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._host.startswith("/"):
            up, down = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            up, down = await asyncio.open_connection(self._host, self._port)
        ways = [
            asyncio.ensure_future(self._copy(reader, down)),
            asyncio.ensure_future(self._copy(up, writer, Heard(self.traffic).hear)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            down.close()

    async def _copy(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        hear: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flows.wait()
                hear(data)
                target.write(data)
                await target.drain()
