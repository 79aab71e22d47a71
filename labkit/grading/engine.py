"""Judging many submissions side by side: each worker has a checker process of its own, and a server of its own.

`Pool` has its workers on this machine; `dask_pool` has the same interface over many machines.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self, get_args

from labkit import course, services
from labkit.checking.process import CheckerFault, CheckerProcess
from labkit.course.verdict import Outcome, Verdict
from labkit.grading import server_slot
from labkit.grading.work_order import Work, WorkOrder
from labkit.machine.fault import ServiceFault
from labkit.services.service import Watch

TRIES = 2  # what failed through the course's own fault is tried once more
GRACE = 2.0  # seconds for what is judged just now, when a run is stopped


@dataclass(frozen=True)
class Judged:
    """What came of it: verdicts, or the fault of the course that prevented them."""

    work: Work
    verdicts: list[Verdict]
    seconds: float
    server: str = ""  # which server judged, with its version
    fault: str = ""
    remark: str = ""  # what the examiner should know besides, e.g. that the answer crashed the server


@dataclass
class Call:
    """What one call of `Pool.judge` has still to judge, and what came of it: nothing of a call that failed, or was given up, reaches
    the next one."""

    order: WorkOrder
    results: queue.SimpleQueue[Judged | BaseException | None]  # None: a worker has ended


class Judges(Protocol):
    """Those who judge: `Pool`, or `dask_pool.DaskPool`. A context manager."""

    def judge(self, work: Iterable[Work]) -> Iterator[Judged]:
        """Judges all of it, and gives each as soon as it is done."""
        ...

    def spare(self, seconds: float, then: Callable[[], object]) -> None:
        """Calls `then`, once or more, as soon as this machine has a core and memory for `seconds` of other work. A pool lets one
        worker go for it, once the others need no longer for the rest: it is to be asked after each judgement."""
        ...

    def stop(self) -> None:
        """Hands out nothing more, and sees to it that services end, also under what is judged just now."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Worker:
    """One checker and the server it works on, which nobody else uses. A context manager."""

    def __init__(self, backend: str | None = None) -> None:
        self._stack = ExitStack()
        slot = self._stack.enter_context(server_slot.claim())
        self._purpose, self._backend = slot.purpose, backend
        self._watches: dict[str, Watch] = {}
        self._checker = self._stack.enter_context(CheckerProcess(slot.purpose, backend, keeps=(slot.lock,)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def abandon(self) -> None:
        """Ends what it is at in another thread, for good."""
        self._checker.abandon()

    def judge(self, work: Work) -> Judged:
        """Judges one notebook with all checks. A fault of the course is met with a second try."""
        started = time.monotonic()
        verdicts: list[Verdict] = []
        fault = server = ""
        for _ in range(TRIES):
            try:
                server, verdicts = self._ask(work)
            except (CheckerFault, ServiceFault, OSError) as error:
                fault, verdicts = str(error), []
                continue
            unjudged = [verdict for verdict in verdicts if verdict.outcome in ("fault", "unverified")]
            fault = f"{unjudged[0].sentence} {unjudged[0].why}" if unjudged else ""
            if not fault:
                break
        return Judged(work, verdicts, time.monotonic() - started, server, fault, self._clean_up())

    def _ask(self, work: Work) -> tuple[str, list[Verdict]]:
        """The server that judged, and what the checks said. Raises CheckerFault, ServiceFault."""
        self._checker.start()  # it imports what it needs while the services start
        watches = [self._watch(name) for name in work.lab.needs]
        revived = [watch.revive() for watch in watches]
        if any(revived):
            self._checker.stop()  # it may keep places of a server that is no more
        asked = self._checker.ask("check", work.lab.key, answers=work.answers, only=work.only, hidden=True)
        reply = asked.result()
        if gone := [watch.service.title for watch in watches if not watch.survived()]:
            raise ServiceFault(
                f"{gone[0]} stopped while this was judged. If it does so each time, look at the answer by hand."
            )
        return reply["server"], verdicts_from(work, reply["verdicts"])

    def _watch(self, name: str) -> Watch:
        """This worker's own lease on a service, taken when the first notebook needs it."""
        if name not in self._watches:
            watch = services.named(name).watch(self._purpose, self._backend)
            self._watches[name] = self._stack.enter_context(watch)
        return self._watches[name]

    def _clean_up(self) -> str:
        """Replaces a server on which the answer left anything. Returns a line about it."""
        lines = []
        for watch in self._watches.values():
            try:
                left = watch.cleaned()
            except ServiceFault as fault:
                watch.close()  # the next one starts it anew, or meets the fault as its own
                lines.append(f"after it the server had to be given up: {fault}")
            else:
                lines += [f"it left {left} on its server, which was replaced"] if left else []
        if lines:
            self._checker.stop()
        return "; ".join(lines)


def verdicts_from(work: Work, data: Any) -> list[Verdict]:
    """The verdicts in what a checker replied. Raises CheckerFault when they are none: nothing wrong may become a mark."""
    try:
        verdicts = [Verdict.from_json(one) for one in data]
        sound = all(_is_sound(verdict, work.lab) for verdict in verdicts)
    except (TypeError, ValueError) as error:
        raise CheckerFault(f"The checker's reply is no list of verdicts ({error}). Grade it again.") from error
    if not sound or {verdict.answer for verdict in verdicts} != work.judged:
        raise CheckerFault(f"The checker's reply is not about the answers of {work.lab.key}. Release the course again.")
    return verdicts


def _is_sound(verdict: Verdict, lab: course.Lab) -> bool:
    """Whether each field is what it must be, and the points are no more than the answer is worth."""
    texts = (
        verdict.check,
        verdict.sentence,
        verdict.why,
        verdict.expected,
        verdict.got,
        verdict.review,
        *verdict.hints,
    )
    return (
        verdict.outcome in get_args(Outcome)
        and all(isinstance(text, str) for text in texts)
        and isinstance(verdict.points, int | float)
        and 0 <= verdict.points <= lab.points.get(verdict.answer, -1)
    )


class Pool:
    """Workers on this machine. A context manager. With `stay`, workers wait for the next call of `judge`: their services start once."""

    def __init__(self, jobs: int, backend: str | None = None, *, stay: bool = False) -> None:
        self.jobs, self.backend, self._stay = jobs, backend, stay
        self._waiting: list[Worker] = []
        self._call = Call(WorkOrder([]), queue.SimpleQueue())
        self._then: Callable[[], object] | None = None  # what is called when that worker has gone
        self._may_leave = threading.Semaphore(0)  # the worker that acquires it goes
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy: list[Worker] = []

    def judge(self, work: Iterable[Work]) -> Iterator[Judged]:
        """Judges all of it, and gives each as soon as it is done."""
        self._call = call = Call(WorkOrder(work), queue.SimpleQueue())
        workers = min(self.jobs, len(call.order))
        self._threads = [threading.Thread(target=self._work, args=(call,), daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        try:
            while running:
                done = call.results.get()
                if isinstance(done, BaseException):
                    raise done
                if done is None:
                    running -= 1
                else:
                    yield done
        finally:
            call.order = WorkOrder([])  # of one that nobody reads to its end, nothing more is handed out

    def spare(self, seconds: float, then: Callable[[], object]) -> None:
        """Calls `then` once one worker has gone, or at once where there is only one."""
        others = len(self._threads) - 1
        if not others:
            then()
        elif not self._then and self._call.order.seconds_left() <= others * seconds:
            self._then = then
            self._may_leave.release()

    def stop(self) -> None:
        """Hands out nothing more; what takes longer than GRACE is given up. Waits until all services are given back."""
        self._stopped.set()
        until = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for worker in list(self._busy):
            worker.abandon()
        for thread in self._threads:
            thread.join()
        while self._waiting:
            self._waiting.pop().__exit__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _work(self, call: Call) -> None:
        try:
            with self._worker() as worker:
                self._busy.append(worker)
                left = self._judge_with(worker, call)
                self._busy.remove(worker)
            if left and self._then:
                self._then()
        except BaseException as error:
            call.results.put(error)
        finally:
            call.results.put(None)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """One that waits, else a new one. It waits again where all went well, and goes otherwise."""
        worker = self._waiting.pop() if self._waiting else Worker(self.backend)
        with ExitStack() as stack:
            stack.push(worker)
            yield worker
            if self._stay and not self._stopped.is_set():
                self._waiting.append(worker)
                stack.pop_all()

    def _judge_with(self, worker: Worker, call: Call) -> bool:
        """Judges as long as there is work. Returns whether it ended before, for it may leave."""
        last = None
        while not self._stopped.is_set():
            if not call.order.goes_on(last) and self._may_leave.acquire(blocking=False):
                return True
            if not (item := call.order.take(last)):
                break
            judged = worker.judge(item)
            call.order.took(judged.seconds, item, last)
            call.results.put(judged)
            last = item
        return False
