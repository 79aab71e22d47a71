"""Judging many submissions side by side: each worker has a checker process of its own, and a server of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labkit import course
from labkit.checker_process import CheckerFault, CheckerProcess
from labkit.verdict import Verdict

TRIES = 2  # what failed through the course's own fault is tried once more


@dataclass(frozen=True)
class Work:
    """One submitted notebook to judge."""

    student: str
    lab: course.Lab
    answers: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Judged:
    """What came of it: verdicts, or the fault of the course that prevented them."""

    work: Work
    verdicts: list[Verdict]
    seconds: float
    server: str = ""  # which server judged, with its version
    fault: str = ""


def judge(checker: CheckerProcess, work: Work) -> Judged:
    """Judges one notebook with all checks. A fault of the course is met with a second try."""
    started = time.monotonic()
    verdicts: list[Verdict] = []
    fault = server = ""
    for _ in range(TRIES):
        try:
            reply = checker.ask("check", work.lab.key, answers=work.answers, hidden=True).result()
        except CheckerFault as error:
            fault = str(error)
            continue
        server, verdicts = reply["server"], [Verdict.from_json(data) for data in reply["verdicts"]]
        unjudged = [verdict for verdict in verdicts if verdict.outcome in ("fault", "unverified")]
        fault = f"{unjudged[0].sentence} {unjudged[0].why}" if unjudged else ""
        if not fault:
            break
    return Judged(work, verdicts, time.monotonic() - started, server, fault)


class Pool:
    """Workers on this machine. A context manager; `stop` lets each finish what it is at, and hands out nothing more."""

    def __init__(self, jobs: int, backend: str | None = None) -> None:
        self.jobs, self.backend = jobs, backend
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Judged | BaseException | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._workers: list[threading.Thread] = []

    def judge(self, work: Iterable[Work]) -> Iterator[Judged]:
        """Judges all of it, and gives each as soon as it is done."""
        items = list(work)
        for item in items:
            self._waiting.put(item)
        self._workers = [
            threading.Thread(target=self._work, args=(slot,), daemon=True) for slot in range(min(self.jobs, len(items)))
        ]
        for worker in self._workers:
            worker.start()
        running = len(self._workers)
        while running:
            done = self._done.get()
            if isinstance(done, BaseException):
                raise done
            if done is None:
                running -= 1
            else:
                yield done

    def stop(self) -> None:
        """Hands out nothing more and waits until each worker has given its service back."""
        self._stopped.set()
        for worker in self._workers:
            worker.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _work(self, slot: int) -> None:
        try:
            with CheckerProcess(f"grading-{slot}", self.backend) as checker:
                while not self._stopped.is_set():
                    try:
                        item = self._waiting.get_nowait()
                    except queue.Empty:
                        break
                    self._done.put(judge(checker, item))
        except BaseException as error:
            self._done.put(error)
        finally:
            self._done.put(None)
