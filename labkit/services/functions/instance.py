"""One instance (Lambda's execution environment): it takes one event at a time, and is frozen between them.

start -> init -> (frozen -> run)* -> ended. After a failure of its runtime it is never used again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from labkit.services.functions import failure
from labkit.services.functions.box import Box, arn
from labkit.services.functions.invocation import Invocation
from labkit.services.functions.runtime_api import ACCEPTED, Reply, RuntimeApi, refused
from labkit.services.functions.settings import LARGEST_PAYLOAD
from labkit.services.functions.timeline import End, Timeline

REST = 0.005  # seconds that an instance may go on after its event: the next one may be there already
LOOK = 0.025  # seconds between two looks at the memory of an instance that runs
KILLED = 137  # exit status of a process that SIGKILL ended
BUFFER = 256 * 1024  # bytes


@dataclass(frozen=True)
class Outcome:
    """What came of an event in its instance. `status` is the report's: success, error or timeout."""

    body: bytes
    failed: bool
    status: str
    seconds: float


class Instance:
    """`number` is its name in the time line. Everything here runs in the platform's event loop."""

    def __init__(self, number: int, box: Box, timeline: Timeline, memory: int) -> None:
        self.number = number
        self.init_ms: float | None = None
        self.init_cpu_ms: float | None = None
        self.cpu_ms: float | None = None  # of its last event
        self.peak_mb = 0
        self.used = 0  # how many events it was given
        self.ended = box.ended
        self._box, self._timeline, self._memory = box, timeline, memory
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[bytes | None] = self._loop.create_future()  # None, or why init failed
        self._polls: asyncio.Future[Reply] | None = None  # the runtime waits for its next event here
        self._polled = asyncio.Event()
        self._current: Invocation | None = None
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._life, self._moving = (
            asyncio.Lock(),
            asyncio.Lock(),
        )  # held while it starts or closes; while it is frozen or thawed
        self._api = RuntimeApi(self)
        self._server: asyncio.Server | None = None
        self._why: End | None = None
        self._frozen = self._taken = False
        self._cpu = 0.0

    # Its life

    @property
    def usable(self) -> bool:
        """Whether it may be given another event."""
        return self._why is None and not self.ended.done()

    async def start(self) -> None:
        """Starts its process; its init begins. Raises ServiceFault."""
        async with self._life:
            self._timeline.enter(self.number, "start")
            self.ended.add_done_callback(lambda _: self._timeline.ended(self.number, self._why or "exit"))
            listener = await self._box.start()
            self._init_from = time.monotonic()
            if not self._box.is_container:
                await self._cpu_since_last()
            self._timeline.enter(self.number, "init")
            self._server = await asyncio.start_server(self._api.accept, sock=listener, limit=BUFFER)

    async def initialised(self, seconds: float) -> bytes | None:
        """Waits until its code has been imported: None, or the error that says why it was not, empty where it took too long."""
        await asyncio.wait([self._ready, self.ended], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            failed = self._ready.result()
        else:
            failed = failure.exited("", self.ended.result()) if self.ended.done() else b""
        if failed is not None:
            self.kill("init")
        return failed

    async def run(self, invocation: Invocation, seconds: float) -> Outcome | None:
        """Gives it an event, for at most so many seconds. None where it was gone before it could take the event."""
        self._taken = True  # from now on nobody freezes it
        try:
            if not await self._is_awake(seconds):
                self.kill("exit")
                return None
            began = self._hand_over(invocation, seconds)
            await self._until_done(invocation, seconds)
            took = time.monotonic() - began
            self.cpu_ms = await self._cpu_since_last()
            return self._outcome(invocation, took, seconds)
        finally:
            self._taken = False

    async def rest(self) -> None:
        """Freezes it, as soon as its runtime asks for the next event; not where somebody took it meanwhile, who then sees to that."""
        await self._asks(None)
        await asyncio.sleep(REST)
        async with self._moving:
            if self.usable and self._polled.is_set() and not self._taken and not self._frozen:
                self._frozen = True
                await self._box.freeze()
                self._timeline.enter(self.number, "frozen")

    def kill(self, why: End) -> None:
        """Ends it at once. The first reason counts."""
        self._why = self._why or why
        self._box.kill()

    async def close(self) -> None:
        """Ends it, and returns when nothing of it is left."""
        self.kill("closed")
        async with self._life:
            await self._box.close()
            if self._server:
                self._server.close()
            await self._api.close()

    def take_log(self) -> str:
        """What it has written since the last time."""
        return self._box.take_log()

    # What its runtime says

    async def next(self) -> Reply:
        """See `Runtime`."""
        if self._current:
            return refused(403, "InvalidStateTransition", "The last event has not been answered")
        if self._polls and not self._polls.done():
            self._polls.set_result(refused(403, "InvalidStateTransition", "Another request waits for the next event"))
        polls = self._polls = self._loop.create_future()
        if not self._ready.done():
            self.init_ms = 1000 * (time.monotonic() - self._init_from)
            self.init_cpu_ms = await self._cpu_since_last()
            self._ready.set_result(None)
        self._timeline.enter(self.number, "idle")
        self._polled.set()
        return await polls

    def answered(self, request_id: str, body: bytes, *, error: bool) -> Reply:
        """See `Runtime`."""
        if not self._current or request_id != self._current.request_id:
            return refused(400, "InvalidRequestID", "This event is not, or no longer, this instance's")
        reply = ACCEPTED
        if len(body) > LARGEST_PAYLOAD:
            reply = refused(413, "RequestEntityTooLarge", "The answer is too large")
            body, error = failure.answer_too_large(len(body), LARGEST_PAYLOAD), True
        self._current = None
        if not self._done.done():
            self._done.set_result(Outcome(body, error, "error" if error else "success", 0.0))
        return reply

    def init_failed(self, body: bytes) -> Reply:
        """See `Runtime`."""
        if self._ready.done():
            return refused(403, "InvalidStateTransition", "The init phase is over")
        self._ready.set_result(body or b"{}")
        return ACCEPTED

    # How

    async def _is_awake(self, seconds: float) -> bool:
        """Thaws it, and waits until it asks for an event. Returns whether it does."""
        async with self._moving:
            if self._frozen:
                await self._box.thaw()
                self._frozen = False
        await self._asks(seconds)
        return self.usable and self._polls is not None and not self._polls.done()

    async def _asks(self, seconds: float | None) -> None:
        """Until its runtime asks for an event, or never will."""
        polled = asyncio.ensure_future(self._polled.wait())
        await asyncio.wait([polled, self.ended], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        polled.cancel()

    def _hand_over(self, invocation: Invocation, seconds: float) -> float:
        """The event goes out as the answer to the request that waits for it. Returns when."""
        assert self._polls
        self._current, self._done = invocation, self._loop.create_future()
        self._polled.clear()
        self.used += 1
        self._timeline.enter(self.number, "run", invocation.request_id)
        now, trace = time.time(), invocation.request_id.replace("-", "")[:24]
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(1000 * (now + seconds))),
            "Lambda-Runtime-Invoked-Function-Arn": arn(self._box.name),
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(now):08x}-{trace};Sampled=0",
        }
        self._polls.set_result(Reply(200, invocation.payload, tuple(headers.items())))
        return time.monotonic()

    async def _until_done(self, invocation: Invocation, seconds: float) -> None:
        """Until it answered, ended, or the time is over. It is looked at meanwhile, and killed where that was asked for."""
        look = asyncio.ensure_future(self._look())
        later = invocation.kill_after
        killer = self._loop.call_later(later, self.kill, "killed") if later is not None else None
        try:
            await asyncio.wait([self._done, self.ended], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            look.cancel()
            if killer:
                killer.cancel()

    async def _cpu_since_last(self) -> float | None:
        """Processor time since it was last asked for. What an instance does between its events counts to the next one."""
        if (used := await self._box.usage()) is None:
            return None
        self.peak_mb = min(max(self.peak_mb, used.peak_kb // 1024), self._memory)
        since, self._cpu = used.cpu_ms - self._cpu, used.cpu_ms
        return max(0.0, since)

    def _outcome(self, invocation: Invocation, took: float, seconds: float) -> Outcome:
        self._current = None
        if self._done.done():
            done = self._done.result()
            return Outcome(done.body, done.failed, done.status, took)
        if self.ended.done():
            code = KILLED if self._why in ("killed", "memory") else self.ended.result()
            if code == KILLED and self._why != "killed":
                self.peak_mb = self._memory  # the kernel may be quicker than our look
            return Outcome(failure.exited(invocation.request_id, code), True, "error", took)
        self.kill("timeout")
        return Outcome(failure.timed_out(invocation.request_id, seconds), True, "timeout", seconds)

    async def _look(self) -> None:
        """Ends it when it uses more memory, processes or processor time than it may."""
        await asyncio.sleep(LOOK)
        while not self._box.is_over():
            await asyncio.sleep(LOOK)
        self.peak_mb = self._memory
        self.kill("memory")
