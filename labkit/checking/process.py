"""The checker beside the kernel: started early so that it is warm, asked by one line of JSON, restarted when
it dies.
"""

from __future__ import annotations

import collections
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, Self

from labkit.course import Lab, root
from labkit.course.verdict import Verdict
from labkit.machine.environment import allowed

Reply = dict[str, Any]
Hidden = bool | Literal["after"]
Wait = Callable[["Pending"], Reply]
DEADLINE = 900.0  # seconds for one request: thirty times what the slowest took on two idle cores


class CheckerFault(Exception):
    """The checker could not judge: what happened, why, the next step."""


class _Died(Exception):
    """The process ended before it answered; the message is the last line that it wrote to stderr."""


class Pending:
    """A request that is under way."""

    def __init__(self, checker: CheckerProcess, request: Reply) -> None:
        self.checker, self.request = checker, request
        self.doing = ""
        self.future = checker._send(self)

    def result(self, wait: Wait | None = None) -> Reply:
        """The answer. A checker that died is started anew and asked once more. Raises CheckerFault.

        `wait` waits for `future` and may meanwhile show what the checker is `doing`.
        """
        for attempt in ("first", "last"):
            try:
                reply = wait(self) if wait else self.future.result(DEADLINE)
            except _Died as died:
                if attempt == "last":
                    raise CheckerFault(
                        f"The checker stopped twice while it was at work ({died}). This is a fault of the course, not of "
                        "the answer. Restart the service; if it happens again, run `labkit doctor` in a terminal."
                    ) from died
                self.future = self.checker._send(self)
                continue
            except TimeoutError as late:
                self.checker.stop()
                raise CheckerFault(
                    f"The checker gave no verdict in {DEADLINE:.0f} s and was ended. Run it again."
                ) from late
            if "fault" in reply:
                raise CheckerFault(reply["fault"])
            return reply
        raise AssertionError("unreachable")


class CheckerProcess:
    """One checker. It ends when its stdin closes: with `stop`, or with the process that started it, however that dies.

    `purpose` says whose server it works on: the learner's, or one for grading. It holds the descriptors in `keeps` open.
    """

    def __init__(self, purpose: str = "learner", backend: str | None = None, keeps: tuple[int, ...] = ()) -> None:
        self.keeps = keeps
        self.command = (sys.executable, "-P", "-m", "labkit.checking.checker", "--server", purpose)
        self.environment = {"LABKIT_BACKEND": backend} if backend else {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._abandoned = False

    @property
    def pid(self) -> int | None:
        """The process' id, while it runs."""
        return self._process.popen.pid if self._process and self._process.popen.poll() is None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(
        self, lab: Lab, answers: dict[str, str], *, hidden: Hidden = False, wait: Wait | None = None
    ) -> list[Verdict]:
        """The verdicts on a lab's answers: of the visible checks, of all, or "after" the visible ones of an answer that passed. Raises
        CheckerFault when the checker itself failed.
        """
        reply = self.ask("check", lab.key, answers=answers, hidden=hidden).result(wait)
        return [Verdict.from_json(data) for data in reply["verdicts"]]

    def ask(self, do: str, lab: str, **fields: Any) -> Pending:
        """Sends a request and returns at once; starts the process when there is none."""
        return Pending(self, {"do": do, "lab": lab, **fields})

    def start(self) -> None:
        """Starts the process where there is none: it is warm by the time of the first request."""
        with self._lock:
            self._running()

    def stop(self) -> None:
        """Ends the process."""
        with self._lock:
            process, self._process = self._process, None
        if process:
            process.stop()

    def abandon(self) -> None:
        """Kills the process, whatever it is at, for good: who waits for it gets a CheckerFault."""
        with self._lock:
            self._abandoned = True
            if self._process:
                self._process.popen.kill()

    def _send(self, pending: Pending) -> Future[Reply]:
        with self._lock:
            return self._running().send({"id": next(self._ids), **pending.request}, pending)

    def _running(self) -> _Process:
        if self._abandoned:
            raise CheckerFault("The checker was stopped while it was at work. Run it again.")
        if self._process is None or self._process.popen.poll() is not None:
            self._process = _Process(self.command, self.environment, self.keeps)
        return self._process


class _Process:
    """A running checker, and the requests that wait for it."""

    def __init__(self, command: tuple[str, ...], environment: dict[str, str], keeps: tuple[int, ...]) -> None:
        # A session of its own: interrupting the kernel sends SIGINT to the kernel's whole process group.
        self.popen = subprocess.Popen(
            command,
            cwd=root(),
            env=allowed() | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=keeps,
        )
        self.waiting: dict[int, tuple[Pending, Future[Reply]]] = {}
        self.said: collections.deque[str] = collections.deque(maxlen=40)
        self.lock = threading.Lock()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.note_taker = threading.Thread(target=self._take_notes, daemon=True)
        self.listener.start()
        self.note_taker.start()

    def send(self, request: Reply, pending: Pending) -> Future[Reply]:
        future: Future[Reply] = Future()
        with self.lock:
            self.waiting[request["id"]] = (pending, future)
        assert self.popen.stdin
        try:
            self.popen.stdin.write(json.dumps(request) + "\n")
            self.popen.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._give_up()
        if not self.listener.is_alive():
            self._give_up()
        return future

    def stop(self) -> None:
        assert self.popen.stdin
        try:
            self.popen.stdin.close()
            self.popen.wait(timeout=20)  # it gives its databases and its server back
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.popen.kill()
            self.popen.wait()
        self.listener.join()
        self.note_taker.join()

    def _listen(self) -> None:
        assert self.popen.stdout
        with self.popen.stdout as lines:
            for line in lines:
                try:
                    self._take(json.loads(line))
                except ValueError:
                    self.said.append(line.strip())
        self.popen.wait()
        self._give_up()

    def _take(self, reply: Reply) -> None:
        if "progress" in reply:
            pending, _ = self.waiting.get(reply["id"], (None, None))
            if pending:
                pending.doing = f"Checking {reply['at']} of {reply['of']}: {reply['progress']}"
            return
        with self.lock:
            _, future = self.waiting.pop(reply["id"], (None, None))
        if future:
            future.set_result(reply)

    def _take_notes(self) -> None:
        assert self.popen.stderr
        with self.popen.stderr as lines:
            self.said.extend(line.strip() for line in lines if line.strip())

    def _give_up(self) -> None:
        with self.lock:
            left, self.waiting = list(self.waiting.values()), {}
        status = self.popen.poll()
        because = f"exit status {status}" + (f": {self.said[-1]}" if self.said else "")
        for _, future in left:
            future.set_exception(_Died(because))
