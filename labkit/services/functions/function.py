"""One function: its instances, the events that they are given, and what becomes of events that fail."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import NamedTuple

from labkit.machine.fault import ServiceFault
from labkit.services.functions import failure
from labkit.services.functions.box import Box
from labkit.services.functions.instance import Instance, Outcome
from labkit.services.functions.invocation import THROTTLED, DeadLetter, Invocation, Result
from labkit.services.functions.queue import Queue
from labkit.services.functions.report import Report
from labkit.services.functions.settings import LARGEST_ASYNC, LARGEST_PAYLOAD, Settings
from labkit.services.functions.timeline import Timeline

TOO_LARGE = 413
MESSAGE = 1000  # characters of an error that a dead letter carries
BACKOFF = 0.02  # seconds before a throttled event is tried again, doubled each time
MOST_REPORTS = 10_000  # kept of one function


class Told(NamedTuple):
    """What a result says besides what the function said: its log, its instance, whether that was new, and what it cost."""

    log: str
    instance: int
    cold: bool
    report: Report


class Function:
    """Scales from zero: an event takes an idle instance, else a new one, else it is refused. Runs in the platform's event loop."""

    makes: type[Instance] = Instance
    slow_is_tried_again = True  # an init that took too long

    def __init__(self, name: str, files: dict[str, str], settings: Settings, make_box: Callable[[int], Box]) -> None:
        self.name, self.files, self.settings = name, files, settings
        self.timeline = Timeline()
        self.reports: list[Report] = []
        self.dead_letters: list[DeadLetter] = []
        self.queue = Queue(name, settings, self.invoke)
        self._make_box = make_box  # of an instance's number
        self._instances: set[Instance] = set()
        self._idle: list[Instance] = []  # the last one used is at the end, and used first
        self._number = 0
        self._random = random.Random(settings.seed)
        self._queued: set[asyncio.Task[None]] = set()
        self._closed = False
        self._background: set[asyncio.Task[None]] = set()

    # Its events

    async def invoke(self, invocation: Invocation) -> Result:
        """A synchronous event: the caller waits. Raises ServiceFault."""
        if len(invocation.payload) > LARGEST_PAYLOAD:
            return _refused(invocation, TOO_LARGE, failure.event_too_large(len(invocation.payload), LARGEST_PAYLOAD))
        while instance := self._take_idle():
            if outcome := await instance.run(invocation, self.settings.timeout):
                return self._finish(instance, invocation, outcome)
            self._drop(instance)
        if self._at_work() >= self.settings.concurrency:
            return _refused(invocation, THROTTLED, failure.throttled())
        return await self._cold(invocation)

    def invoke_async(self, invocation: Invocation) -> Result:
        """An asynchronous event: it is queued, and the caller is told so."""
        if len(invocation.payload) > LARGEST_ASYNC:
            return _refused(invocation, TOO_LARGE, failure.event_too_large(len(invocation.payload), LARGEST_ASYNC))
        for _ in range(2 if self._random.random() < self.settings.duplicate else 1):
            task = asyncio.ensure_future(self._until_done(invocation))
            self._queued.add(task)
            task.add_done_callback(self._queued.discard)
        return Result(202, "", invocation.request_id)

    async def drained(self) -> None:
        """Waits until each asynchronous event succeeded, or is a dead letter. Raises the fault of one that met one."""
        while self._queued:
            await asyncio.gather(*self._queued)

    # Its instances

    def kill(self, number: int) -> bool:
        """Kills an instance. Returns whether there was one."""
        found = [instance for instance in self._instances if instance.number == number and not instance.ended.done()]
        for instance in found:
            instance.kill("killed")
        return bool(found)

    async def recycle(self) -> None:
        """Ends every idle instance: the next events start cold."""
        idle, self._idle = self._idle, []
        for instance in idle:
            instance.kill("recycled")
        await asyncio.gather(*(self._forget(instance) for instance in idle))

    async def settled(self) -> None:
        """Waits until every idle instance is frozen."""
        await asyncio.gather(*list(self._background))

    async def close(self) -> None:
        """Ends every instance, and forgets what is queued."""
        self._closed = True
        await self.queue.close()
        for task in [*self._queued, *self._background]:
            task.cancel()
        await asyncio.gather(*self._queued, *self._background, return_exceptions=True)
        await asyncio.gather(*(self._forget(instance) for instance in list(self._instances)))

    # How

    def _at_work(self) -> int:
        """Instances that have an event, where none is idle. One that is being ended takes nobody's place."""
        return sum(instance.usable for instance in self._instances)

    def _take_idle(self) -> Instance | None:
        while self._idle:
            instance = self._idle.pop()
            if not instance.usable:
                self._drop(instance)
            elif self._random.random() < self.settings.recycle:
                instance.kill("recycled")
                self._drop(instance)
            else:
                return instance
        return None

    async def _cold(self, invocation: Invocation) -> Result:
        """A new instance. Where its init fails, a second one tries once more, then within the time of the event itself."""
        instance, seconds, log = self._new(), self.settings.timeout, ""
        try:
            await instance.start()
            failed = await instance.initialised(self.settings.init_timeout)
            log = instance.take_log()
            if failed is not None and not (failed or self.slow_is_tried_again):
                return self._finish(instance, invocation, _init_outcome(invocation, failed, 0.0, seconds), log)
            if failed is not None:
                log += self._init_failed("init", failed, self.settings.init_timeout)
                self._drop(instance)
                instance, began = self._new(), time.monotonic()
                await instance.start()
                failed = await instance.initialised(seconds)
                log += instance.take_log()
                took = time.monotonic() - began
                if failed is not None:
                    log += self._init_failed("invoke", failed, seconds)
                    return self._finish(instance, invocation, _init_outcome(invocation, failed, took, seconds), log)
                seconds = max(0.001, seconds - took)
            outcome = await instance.run(invocation, seconds)
        except BaseException:
            self._drop(instance)
            raise
        if outcome is None:  # it ended between its init and its first event
            code = instance.ended.result() if instance.ended.done() else 0
            outcome = Outcome(failure.exited(invocation.request_id, code), True, "error", 0.0)
        return self._finish(instance, invocation, outcome, log, cold=True)

    def _new(self) -> Instance:
        if self._closed:
            raise ServiceFault(f"The function {self.name} was removed while an event was on its way to it.")
        self._number += 1
        instance = self.makes(self._number, self._make_box(self._number), self.timeline, self.settings.memory)
        self._instances.add(instance)
        return instance

    def _finish(
        self, instance: Instance, invocation: Invocation, outcome: Outcome, before: str = "", *, cold: bool = False
    ) -> Result:
        """What the caller is told; the instance is idle from now on, or gone."""
        report = Report(
            invocation.request_id,
            1000 * outcome.seconds,
            self.settings.memory,
            instance.peak_mb,
            instance.init_ms if cold else None,
            outcome.status,
            instance.init_cpu_ms if cold else None,
            instance.cpu_ms,
        )
        self.reports.append(report)
        del self.reports[:-MOST_REPORTS]
        log = before + self._log(invocation, outcome, report, instance.take_log())
        self._let_rest(instance)
        return self._told(invocation, outcome, Told(log, instance.number, cold, report))

    def _log(self, invocation: Invocation, outcome: Outcome, report: Report, said: str) -> str:
        """What the function said, between the platform's own lines."""
        lines = [f"START RequestId: {invocation.request_id} Version: $LATEST", *([said.rstrip("\n")] if said else [])]
        if outcome.status == "timeout":
            lines.append(f"{invocation.request_id} Task timed out after {self.settings.timeout:.2f} seconds")
        return "\n".join([*lines, f"END RequestId: {invocation.request_id}", report.line(), ""])

    def _told(self, invocation: Invocation, outcome: Outcome, told: Told) -> Result:
        """An outcome in the words of the platform."""
        error = failure.UNHANDLED if outcome.failed else ""
        return Result(200, outcome.body.decode("utf-8", "replace"), invocation.request_id, error, *told)

    def _init_failed(self, phase: str, failed: bytes, seconds: float) -> str:
        """As Lambda logs an init that failed; without an error it was the time."""
        if not failed:
            return f"INIT_REPORT Init Duration: {1000 * seconds:.2f} ms\tPhase: {phase}\tStatus: timeout\n"
        kind = ""
        with suppress(ValueError, AttributeError):
            kind = str(json.loads(failed).get("errorType", ""))[:200]
        return f"INIT_REPORT Phase: {phase}\tStatus: error\tError Type: {kind}\n"

    def _comes_again(self, result: Result) -> bool:
        """Whether an event that failed is tried again."""
        return True

    def _let_rest(self, instance: Instance) -> None:
        if not instance.usable:
            self._drop(instance)
            return
        self._idle.append(instance)
        self._spawn(self._rest(instance))

    async def _rest(self, instance: Instance) -> None:
        """Freezes it, and ends it when nobody needed it for long."""
        await instance.rest()
        used = instance.used
        asyncio.get_running_loop().call_later(self.settings.idle, self._expire, instance, used)

    def _expire(self, instance: Instance, used: int) -> None:
        if instance in self._idle and instance.used == used:
            self._idle.remove(instance)
            instance.kill("recycled")
            self._drop(instance)

    def _drop(self, instance: Instance) -> None:
        """It is never used again; its end is awaited beside everything else."""
        instance.kill("closed")
        self._spawn(self._forget(instance))

    async def _forget(self, instance: Instance) -> None:
        await instance.close()
        self._instances.discard(instance)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _until_done(self, invocation: Invocation) -> None:
        """Attempts, with waits between them; then the dead-letter queue."""
        given_up = time.monotonic() + self.settings.event_age
        attempts, backoff = 0, BACKOFF
        while True:
            result = await self.invoke(invocation)
            if result.ok:
                return
            throttled = result.status == THROTTLED and result.instance is None
            attempts += not throttled
            late = time.monotonic() > given_up
            if attempts > self.settings.retries or late or not self._comes_again(result):
                self.dead_letters.append(_dead_letter(invocation, result, attempts))
                return
            if throttled:
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, 1.0)
            else:
                waits = self.settings.retry_after or (0.0,)
                await asyncio.sleep(waits[min(attempts, len(waits)) - 1])


def _refused(invocation: Invocation, status: int, body: bytes) -> Result:
    return Result(status, body.decode(), invocation.request_id)


def _dead_letter(invocation: Invocation, result: Result, attempts: int) -> DeadLetter:
    message = str(result.error.get("errorMessage") or result.told_by_http)[:MESSAGE]
    return DeadLetter(
        invocation.payload.decode("utf-8", "replace"), invocation.request_id, result.status, message, attempts
    )


def _init_outcome(invocation: Invocation, failed: bytes, took: float, seconds: float) -> Outcome:
    if not failed:
        return Outcome(failure.timed_out(invocation.request_id, seconds), True, "timeout", seconds)
    return Outcome(failed, True, "error", took)
