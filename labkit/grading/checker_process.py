"""A checker as its user sees it: a process that is started, asked, and stopped."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from labkit import course
from labkit.verdict import Verdict

DEADLINE = 300.0  # seconds for one request; the slowest seen took 20 on two shared cores


class CheckerFault(Exception):
    """The checker could not judge: a fault of the course, never of the answer."""


class CheckerProcess:
    """One checker process. A context manager; a dead one is started again by the next request."""

    def __init__(self, purpose: str = "grading", backend: str | None = None) -> None:
        self.purpose = purpose
        self.environment = {**os.environ, "LABKIT_BACKEND": backend} if backend else None
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0

    def __enter__(self) -> CheckerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(
        self,
        lab: course.Lab,
        answers: dict[str, str],
        *,
        hidden: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> list[Verdict]:
        """The verdicts on a lab's answers. Raises CheckerFault when the checker itself failed."""
        reply = self.ask({"do": "check", "lab": lab.key, "answers": answers, "hidden": hidden}, progress=progress)
        return [Verdict.from_json(data) for data in reply["verdicts"]]

    def ask(
        self,
        request: dict[str, Any],
        *,
        progress: Callable[[str], None] | None = None,
        deadline: float = DEADLINE,
    ) -> dict[str, Any]:
        """Sends one request and waits for its answer. Raises CheckerFault."""
        process = self._running()
        self._requests += 1
        until = time.monotonic() + deadline
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"id": self._requests, **request}).encode() + b"\n")
            process.stdin.flush()
            while True:
                reply = json.loads(self._line(process, until))
                if reply["id"] == self._requests and "progress" not in reply:
                    break
                if progress and "progress" in reply:
                    progress(reply["progress"])
        except (BrokenPipeError, EOFError) as error:
            self.close()
            raise CheckerFault("The checker ended in the middle of a check. Run it again.") from error
        if "fault" in reply:
            raise CheckerFault(reply["fault"])
        return reply

    def close(self) -> None:
        """Ends the process; it gives back its service when its stdin closes."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            argv = [sys.executable, "-m", "labkit.grading.checker", "--server", self.purpose]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, cwd=course.root(), bufsize=0, env=self.environment
            )
            self._buffer = b""
        return self._process

    def _line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        """The next line of the answer. Raises EOFError when the process ended, CheckerFault past the deadline."""
        assert process.stdout is not None
        while b"\n" not in self._buffer:
            if not select.select([process.stdout], [], [], max(until - time.monotonic(), 0))[0]:
                process.kill()
                self.close()
                raise CheckerFault("The checker did not answer in time and was ended. Run it again.")
            data = process.stdout.read(1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line
