"""What an instance runs in: a sandboxed process, or a container, that hands out its socket and writes its log to us."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from labkit.machine.fault import ServiceFault
from labkit.sandbox import Limits, Sandbox, Started
from labkit.sandbox.container import StartedContainer
from labkit.sandbox.limits import MiB, Warm
from labkit.services.functions import inside
from labkit.services.functions.settings import ACCOUNT, REGION, Settings
from labkit.services.functions.usage import Usage, usage

LOG = 512 * 1024  # bytes that are kept of what is written during one event
KNOCK = 60.0  # seconds for a sandbox to start Python: any amount of other work can be in the way
LIFE = 24 * 3600.0  # seconds: only a bound for a container whose owner was killed
ADDRESSES = 2048 * MiB  # Python reserves far more than it uses; what is used is looked at
PROCESSES = 64
RUNTIME = "AWS_Lambda_python3.13"  # without a name of this kind a SIGTERM swallows an event (awslambdaric 4.2)
# Not `awslambdaric.bootstrap` as a whole: when it is imported, its client reads where the Runtime API is, once and for all (awslambdaric 4.2).
WARM = Warm(
    (
        "awslambdaric.lambda_config",
        "awslambdaric.lambda_context",
        "awslambdaric.lambda_runtime_log_utils",
        "awslambdaric.lambda_runtime_marshaller",
        "awslambdaric.lambda_runtime_hooks_runner",
        "concurrent.futures.thread",
        "http.client",
        "runpy",
        "psycopg",
    ),
    (("AWS_EXECUTION_ENV", RUNTIME),),
)


class Box:
    """The process of one instance and all that it starts. Everything here runs in the platform's event loop."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        files: dict[str, str],
        sandbox: Sandbox,
        folder: Path,
        threads: Executor,
        starting: asyncio.Semaphore,
        number: int,
    ) -> None:
        """`folder` is where its door is made; `threads` start it, and must outlive it; `starting` says how many are between the two."""
        self.name = name
        self._number, self._settings, self._files = number, settings, files
        self._sandbox, self._folder, self._threads, self._turn = sandbox, folder, threads, starting
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()  # its exit status; 128 + n: signal n ended it
        self._starting: asyncio.Future[Started] | None = None
        self._started: Started | None = None
        self._seen: asyncio.Future[None] | None = None  # until Docker said which process is the container's
        self._killed = False
        self._log, self._pipe = bytearray(), -1

    @property
    def is_container(self) -> bool:
        """Whether it is: then its processor time counts from the beginning, as Docker says late which process it is."""
        return self._sandbox.kind == "container"

    async def start(self) -> socket.socket:
        """Starts the process. Returns the socket on which its runtime expects to be answered. Raises ServiceFault."""
        async with self._turn:
            return await self._start_and_let_in()

    async def _start_and_let_in(self) -> socket.socket:
        door = inside.Door(self._folder)
        try:
            self._starting = self._loop.run_in_executor(self._threads, self._start, door)
            self._started = await asyncio.shield(self._starting)  # what is half started must not be lost
            self._await_end()
            if self._killed:
                self.kill()
            await self._knock(door)
            listener, self._pipe = await asyncio.to_thread(door.let_in)
        except (OSError, RuntimeError) as error:
            said = self._started.last_words() if self._started else ""
            raise ServiceFault(
                f"An instance of {self.name} does not start: {error}. {said[-600:]} Run `labkit doctor`."
            ) from error
        finally:
            door.close()
        if isinstance(self._started, StartedContainer):
            self._seen = asyncio.ensure_future(asyncio.to_thread(self._started.find_tree))
        self._loop.add_reader(self._pipe, self._read_log)
        return listener

    def kill(self) -> None:
        """Ends it at once, in whatever state it is. Does not wait."""
        self._killed = True
        if isinstance(self._started, StartedContainer):
            self._loop.run_in_executor(None, self._started.kill)
        elif self._started:
            self._started.kill()

    async def close(self) -> None:
        """Ends it, and returns when nothing of it is left."""
        self.kill()
        if self._starting and not self._started:
            await asyncio.wait([self._starting])
            if not self._starting.exception():
                self._started = self._starting.result()
                self._await_end()
                self.kill()
        if self._started:
            await asyncio.wait([self.ended])
        if self._pipe >= 0:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1

    async def freeze(self) -> None:
        """Stops all its processes."""
        if self._started:
            await self._move(self._started.freeze)

    async def thaw(self) -> None:
        """Lets them go on."""
        if self._started:
            await self._move(self._started.thaw)

    def is_over(self) -> bool:
        """Whether it uses more memory, processes or processor time than it may."""
        return bool(self._started and self._started.over())

    def take_log(self) -> str:
        """What it has written since the last time."""
        self._read_log()
        log, self._log = self._log, bytearray()
        return log.decode("utf-8", "replace")

    async def usage(self) -> Usage | None:
        """What all its processes have used so far; None where nobody shows them to us."""
        if self._seen:
            await self._seen
        if not (self._started and self._started.tree):
            return None
        found = usage(self._started.tree)
        return found._replace(peak_kb=found.peak_kb - self._started.own // 1024) if found.cpu_ms else None

    def _start(self, door: inside.Door) -> Started:
        memory = self._settings.memory * MiB
        limits = Limits(
            seconds=LIFE,
            cpu_seconds=math.ceil(self._settings.cpu),
            memory=memory,
            addresses=ADDRESSES,
            processes=PROCESSES,
        )
        alone = "1" if self._sandbox.kind == "unsafe" and Path("/proc/self").is_dir() else ""
        place = f"{self._sandbox.folder_of(door.socket)}/{door.socket.name}"
        first = (
            (inside.SERVICE, self._settings.program)
            if self._settings.program
            else (inside.PROGRAM, self._settings.handler)
        )
        return self._sandbox.start(
            ["python", "-c", first[0], place, first[1], alone],
            files=self._files,
            sockets=[door.socket, *map(Path, self._settings.sockets)],
            limits=limits,
            env={**environment(self.name, self._settings, self._number), **self._settings.environment},
            warm=WARM if self._settings.warm and not self._settings.program else None,
        )

    async def _knock(self, door: inside.Door) -> None:
        """Waits until the process is at the door. Raises ServiceFault when it does not come."""
        knocked = self._loop.create_future()
        self._loop.add_reader(door.fileno(), lambda: knocked.done() or knocked.set_result(None))
        try:
            await asyncio.wait([knocked, self.ended], timeout=KNOCK, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._loop.remove_reader(door.fileno())
        if not knocked.done():
            said = self._started.last_words() if self._started else ""
            how = f"its {self._sandbox.kind} ended" if self.ended.done() else f"it said nothing for {KNOCK:g} s"
            raise ServiceFault(f"An instance of {self.name} does not start: {how}. {said[-600:]} Run `labkit doctor`.")

    def _await_end(self) -> None:
        """In a thread: an instance that is frozen costs nothing but that."""
        started = self._started
        assert started

        def wait() -> None:
            code = started.wait()
            started.close()
            with suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self.ended.set_result, code)

        threading.Thread(target=wait, name=f"instance-{self._number}", daemon=True).start()

    async def _move(self, move: Callable[[], None]) -> None:
        """Docker is asked through a socket; to signal a few processes takes less than to change the thread."""
        if isinstance(self._started, StartedContainer):
            await asyncio.to_thread(move)
        else:
            move()

    def _read_log(self) -> None:
        with suppress(BlockingIOError):
            while self._pipe >= 0:
                if not (data := os.read(self._pipe, 65536)):
                    self._loop.remove_reader(self._pipe)
                    return
                self._log += data[: max(0, LOG - len(self._log))]


def arn(name: str) -> str:
    """The function's Amazon Resource Name."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def environment(name: str, settings: Settings, number: int) -> dict[str, str]:
    """The variables that Lambda sets; of a service over HTTP those that Knative sets, but for the port."""
    if settings.program:
        return {"K_SERVICE": name, "K_CONFIGURATION": name, "K_REVISION": f"{name}-00001"}
    return {
        "AWS_EXECUTION_ENV": RUNTIME,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{number:032x}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "LAMBDA_TASK_ROOT": "/work",
        "TZ": ":UTC",
        "_HANDLER": settings.handler,
    }
