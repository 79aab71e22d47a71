"""The platform as a server: functions in spaces, asked through a Unix socket with one JSON line a request.

A space is where one lab, or one check, has its functions. It lasts as long as the connection that opened it: however its holder dies, its
instances are ended. The keeper owns the server (`labkit.services.keeper`).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from labkit.machine.fault import ServiceFault
from labkit.sandbox import Sandbox
from labkit.services.functions.box import Box
from labkit.services.functions.function import Function
from labkit.services.functions.http_function import HttpFunction
from labkit.services.functions.invocation import Invocation
from labkit.services.functions.settings import Settings

LINE = 64 * 1024 * 1024  # bytes of one request: an event of 6 MiB grows when it is written as a text in JSON
STARTERS = 8  # instances that are started at a time
# That have been started and not let in, too: Linux lets one user have as many descriptors on their way through sockets as a process may
# have open, and an instance may have 128 (ETOOMANYREFS: "Too many references: cannot splice").
STARTING = 16
PATIENCE = 30.0  # seconds for all instances to end

Request = dict[str, Any]
Spaces = dict[str, dict[str, Function]]


class Platform:
    """All spaces of one server. A context manager; leaving it ends every instance."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        """`folder` holds its sockets; it is made, and removed at the end."""
        self.sandbox, self._folder = sandbox, folder
        self.socket = self._folder / "control"
        self._spaces: Spaces = {}
        # The kernel ends an instance with the thread that started it, so these live as long as the platform.
        self._threads = ThreadPoolExecutor(STARTERS, "starts-instances")
        self._starting = asyncio.Semaphore(STARTING)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="functions", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Platform:
        shutil.rmtree(self._folder, ignore_errors=True)  # of one that was killed
        self._folder.mkdir(mode=0o711)
        self._thread.start()
        try:
            self._do(self._listen())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every instance, and removes the socket."""
        if self._thread.is_alive():
            with suppress(TimeoutError):
                self._do(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_running():
            self._loop.close()
        self._threads.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _do(self, work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, self.socket, limit=LINE)
        self.socket.chmod(0o600)

    async def _stop(self) -> None:
        if hasattr(self, "_server"):
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: its requests one after the other, and the end of the spaces that it opened."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        opened: list[str] = []
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._reply(json.loads(line), opened)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # its other end is gone, or we are closing
        finally:
            for space in opened:
                await self._close_space(space)
            self._connections.discard(task)
            writer.close()

    async def _reply(self, request: Request, opened: list[str]) -> Request:
        try:
            if request["do"] == "open":
                return {"ok": self._open(opened)}
            if request["do"] == "close":
                opened.remove(request["space"])
                return {"ok": await self._close_space(request["space"])}
            if request["do"] == "spaces":
                return {"ok": sorted(self._spaces)}
            answer: Callable[[Request], Awaitable[Any]] = getattr(self, f"_do_{request['do']}")
            return {"ok": await answer(request)}
        except ServiceFault as fault:
            return {"fault": str(fault)}
        except Exception as error:  # the caller must be told, whatever it is
            traceback.print_exc()
            return {"fault": f"The function platform failed at {request.get('do')!r}: {error!r}. Run `labkit doctor`."}

    def _open(self, opened: list[str]) -> str:
        name = f"space-{len(self._spaces) + 1}"
        while name in self._spaces:
            name += "x"
        self._spaces[name] = {}
        opened.append(name)
        return name

    async def _close_space(self, name: str) -> None:
        functions = self._spaces.pop(name, {})
        await asyncio.gather(*(function.close() for function in functions.values()))

    def _function(self, request: Request) -> Function:
        try:
            return self._spaces[request["space"]][request["name"]]
        except KeyError:
            raise ServiceFault(f"There is no function {request.get('name')!r} here. Deploy it first.") from None

    # What is asked for

    async def _do_deploy(self, request: Request) -> None:
        """A function by this name; one that was there is replaced, with all its instances."""
        await self._deploy(request["space"], request["name"], request["files"], request["settings"])

    async def _do_copy(self, request: Request) -> None:
        """As deploy, with another function's files."""
        files = self._function(request).files
        await self._deploy(request["space"], request["to"], files, request["settings"])

    async def _deploy(self, space: str, name: str, files: dict[str, str], data: Request) -> None:
        settings = Settings.from_json(data)
        if old := self._spaces[space].pop(name, None):
            await old.close()
        make_box = partial(Box, name, settings, files, self.sandbox, self._folder, self._threads, self._starting)
        makes = HttpFunction if settings.program else Function
        self._spaces[space][name] = makes(name, files, settings, make_box)

    async def _do_remove(self, request: Request) -> None:
        await self._function(request).close()
        del self._spaces[request["space"]][request["name"]]

    async def _do_reset(self, request: Request) -> None:
        functions, self._spaces[request["space"]] = self._spaces[request["space"]], {}
        await asyncio.gather(*(function.close() for function in functions.values()))

    async def _do_invoke(self, request: Request) -> list[Request]:
        """All of the events at once; each waits for its own answer."""
        function = self._function(request)
        invocations = [Invocation(text.encode(), kill_after=request.get("kill_after")) for text in request["events"]]
        return [r.to_json() for r in await asyncio.gather(*map(function.invoke, invocations))]

    async def _do_invoke_async(self, request: Request) -> list[Request]:
        function = self._function(request)
        return [function.invoke_async(Invocation(text.encode())).to_json() for text in request["events"]]

    async def _do_drained(self, request: Request) -> list[Request]:
        function = self._function(request)
        await function.drained()
        return [asdict(letter) for letter in function.dead_letters]

    async def _do_send(self, request: Request) -> list[str]:
        return self._function(request).queue.send(request["bodies"])

    async def _do_emptied(self, request: Request) -> list[Request]:
        queue = self._function(request).queue
        await queue.drained()
        return [asdict(letter) for letter in queue.dead_letters]

    async def _do_kill(self, request: Request) -> bool:
        return self._function(request).kill(request["instance"])

    async def _do_recycle(self, request: Request) -> None:
        await self._function(request).recycle()

    async def _do_settled(self, request: Request) -> None:
        await self._function(request).settled()

    async def _do_history(self, request: Request) -> Request:
        function = self._function(request)
        return {**function.timeline.to_json(), "reports": [report.to_json() for report in function.reports]}
