"""Judging on many machines: the engine's work over Dask distributed, on a scheduler and workers that are there already.

Each Dask worker has the course and its environment, and brings up checkers and servers of its own. Only answers go there, under
a number instead of a name, and only text comes back. Dask itself gives the work of a lost worker to another one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from distributed import Client, Future, KilledWorker, WorkerPlugin, get_worker

from labkit import course
from labkit.checking.process import CheckerFault
from labkit.grading.engine import TRIES, Judged, Worker, verdicts_from
from labkit.grading.verdict_store import checks_key
from labkit.grading.work_order import Work, WorkOrder
from labkit.machine.environment import without_database_settings
from labkit.machine.fault import ServiceFault

PLUGIN = "labkit-grading"
AT = ", Dask worker "  # in the audit trail, between a server and an address
PATIENCE = 120.0  # seconds without any worker until the run is given up
BATCH = 8  # notebooks in a task at most: a task costs Dask 10 ms of processor time
GATHERING = 30.0  # seconds for verdicts to come here
IDLE = 60.0  # seconds without work after which a worker's services end: whoever asked for them may have been killed


class Workers(WorkerPlugin):
    """On each Dask worker: as many of the engine's workers as it has tasks at a time, kept until the run is over or has no work
    for `idle` seconds."""

    name = PLUGIN

    def __init__(self, idle: float = IDLE) -> None:
        self.idle = idle

    def setup(self, worker: Any) -> None:
        """Starts nothing yet: the first task does."""
        without_database_settings()
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._timer = threading.Timer(0, self._close_idle)
        self._over = False

    async def teardown(self, worker: Any) -> None:
        """Gives all services back; those of a task that still runs are given back when it ends."""
        self._over = True
        self._timer.cancel()
        await asyncio.to_thread(self._close_idle)

    @contextmanager
    def one(self) -> Iterator[Worker]:
        """A worker that does nothing else meanwhile."""
        try:
            worker = self._idle.get_nowait()
        except queue.Empty:
            worker = Worker()
        try:
            yield worker
        finally:
            self._idle.put(worker)
            if self._over:
                self._close_idle()
            else:
                self._close_when_idle()

    def _close_when_idle(self) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(self.idle, self._close_idle)
        self._timer.daemon = True
        self._timer.start()

    def _close_idle(self) -> None:
        while True:
            try:
                self._idle.get_nowait().__exit__()
            except queue.Empty:
                return


def judge(request: str) -> str:
    """The task that a Dask worker does: judges a few notebooks, one after the other."""
    dask_worker = get_worker()
    workers = dask_worker.plugins[PLUGIN]
    assert isinstance(workers, Workers)
    with workers.one() as worker:
        replies = [_reply(worker, asked, f"{AT}{dask_worker.address}") for asked in json.loads(request)]
    return json.dumps(replies)


def _reply(worker: Worker, asked: dict[str, Any], at: str) -> dict[str, Any]:
    lab = course.find(asked["lab"])
    judged = worker.judge(Work(asked["number"], lab, asked["answers"], tuple(asked["only"])))
    return {
        "checks": checks_key(lab),
        "verdicts": [verdict.to_json() for verdict in judged.verdicts],
        "seconds": judged.seconds,
        "server": f"{judged.server}{at}",
        "fault": judged.fault,
        "remark": judged.remark,
    }


@dataclass(frozen=True)
class Task:
    """Notebooks that are judged one after the other by the same worker."""

    work: list[Work]
    tried: int = 1


class DaskPool:
    """A client of a Dask scheduler, with the interface of `engine.Pool`. Raises ServiceFault when no scheduler answers."""

    def __init__(self, scheduler: str) -> None:
        self.scheduler = scheduler
        self._stopped = False
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._running: dict[str, tuple[Task, Future]] = {}
        self._keys = (f"labkit-{secrets.token_hex(4)}-{number}" for number in itertools.count())
        try:
            self._client = Client(scheduler, name="labkit-grade", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ServiceFault(
                f"No Dask scheduler answers at {scheduler} ({error}). Start one with `dask scheduler`, and workers beside it."
            ) from error
        self._client.register_plugin(Workers())

    def judge(self, work: Iterable[Work]) -> Iterator[Judged]:
        """Judges all of it, and gives each as soon as it is done. Raises ServiceFault when scheduler or workers are gone."""
        order, again, last = WorkOrder(work), list[Task](), None
        while ((order or again) and not self._stopped) or self._running:
            # No more than are judged at once: a worker's death then costs, and casts suspicion on, nothing that only waits.
            while not self._stopped and len(self._running) < max(1, sum(self._threads().values())):
                if task := again.pop() if again else self._next(order, last):
                    self._submit(task)
                else:
                    break
            future = self._done_next()
            task = self._running.pop(str(future.key))[0]
            if judged := _outcome(task, future):
                last = judged[-1]
                yield from judged
            elif len(task.work) > 1:  # it may be the fault of one of them
                again += [Task([item]) for item in task.work]
            elif task.tried < TRIES and not isinstance(_error(future), KilledWorker):
                again.append(Task(task.work, task.tried + 1))
            else:
                yield Judged(task.work[0], [], 0.0, fault=_why(future))

    def _next(self, order: WorkOrder, last: Judged | None) -> Task | None:
        """What is best handed out after `last`: as long as there is enough for everybody, a few that are alike."""
        item = order.take(last.work if last else None)
        if item is None:
            return None
        enough = len(order) // (2 * max(1, sum(self._threads().values())))
        return Task([item, *order.take_alike(item, min(BATCH - 1, enough))])

    def spare(self, seconds: float, then: Callable[[], object]) -> None:
        """At once: the cluster judges elsewhere, or has cores of its own."""
        then()

    def stop(self) -> None:
        """Hands out nothing more; what is judged just now is judged to its end, and then its services end."""
        self._stopped = True
        self._client.cancel([future for _, future in self._running.values()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._client.status == "running":
            self._client.unregister_worker_plugin(PLUGIN)
        self._client.close()

    def _threads(self) -> dict[str, int]:
        """How many tasks each of the cluster's workers does at a time, by its address."""
        threads: Any = self._client.nthreads()
        return threads

    def _submit(self, task: Task) -> None:
        """Hands it to the cluster. Not to the Dask worker that judged some like it: where all workers are gone for a moment, Dask
        never hands out again what should rather go to one of those, though others may take it.
        """
        key = next(self._keys)
        request = [
            {"number": f"{key}-{number}", "lab": item.lab.key, "answers": item.answers, "only": item.only}
            for number, item in enumerate(task.work)
        ]
        future = self._client.submit(judge, json.dumps(request), key=key, pure=False)
        self._running[key] = task, future
        future.add_done_callback(self._done.put)

    def _done_next(self) -> Future:
        """The next task that ended in whatever way."""
        while True:
            try:
                return self._done.get(timeout=PATIENCE)
            except queue.Empty:
                if self._client.status != "running" or not self._threads():
                    raise ServiceFault(
                        f"The Dask scheduler at {self.scheduler} has had no worker for {PATIENCE:g} s. Start workers, and run this again."
                    ) from None


def _outcome(task: Task, future: Future) -> list[Judged]:
    """What a worker replied, looked at as closely as a checker's own reply. Nothing where it failed, and may be tried again."""
    if future.status != "finished":
        return []
    try:
        text = future.result(timeout=GATHERING)
    except Exception:  # its worker died after it had judged, and took the verdicts along
        return []
    try:
        replies = list(json.loads(text))
    except (ValueError, TypeError):
        replies = []
    return [_looked_at(item, reply) for item, reply in itertools.zip_longest(task.work, replies[: len(task.work)])]


def _looked_at(item: Work, reply: Any) -> Judged:
    try:
        return _judged(item, reply)
    except (CheckerFault, ValueError, TypeError, KeyError) as error:
        return Judged(item, [], 0.0, fault=f"A Dask worker's reply makes no sense: {error}")


def _judged(item: Work, reply: dict[str, Any]) -> Judged:
    server, fault, remark = (str(reply[name]) for name in ("server", "fault", "remark"))
    if reply["checks"] != checks_key(item.lab):
        fault = f"{server} has other checks, or another version of the course, than this machine. Bring it up to date, and grade again."
    verdicts = [] if fault else verdicts_from(item, reply["verdicts"])
    return Judged(item, verdicts, float(reply["seconds"]), server, fault, remark)


def _error(future: Future) -> BaseException | None:
    """What a task that failed raised: of another one, Dask would wait for it."""
    raised: Any = future.exception() if future.status == "error" else None
    return raised


def _why(future: Future) -> str:
    """Why a task failed."""
    error = _error(future)
    if error is None:
        return "The Dask scheduler lost it. See that the scheduler runs, and grade again."
    if isinstance(error, KilledWorker):
        return "Each Dask worker that judged it died. Look at the answer by hand, and at the workers' logs."
    return f"A Dask worker could not judge it: {type(error).__name__}: {error}"
