"""The function platform beside a bare `awslambdaric` that a minimal Runtime API answers, taken in turn so that both meet the same machine."""

from __future__ import annotations

import http.server
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import Row
from labkit.services.functions.box import RUNTIME
from labkit.services.functions.client import FunctionHandle
from labkit.services.functions.running import functions
from labkit.services.functions.settings import Settings

HANDLER = "def handler(event, context):\n    return event\n"
ROUNDS, STARTS, MANY = 200, 7, 200
GENEROUS = Settings(timeout=300, init_timeout=60, concurrency=MANY)


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of a runtime that was killed while it spoke."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """See above."""


class Bare:
    """One `awslambdaric` as a plain process, and the least that answers it."""

    def __init__(self, folder: Path) -> None:
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[bytes] = queue.Queue()
        self._server = Server(("127.0.0.1", 0), self._requests())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        api = f"127.0.0.1:{self._server.server_address[1]}"
        command = [sys.executable, "-m", "awslambdaric", "handler.handler"]
        env = {**os.environ, "AWS_LAMBDA_RUNTIME_API": api, "AWS_EXECUTION_ENV": RUNTIME}
        self._process = subprocess.Popen(command, cwd=folder, env=env)

    def invoke(self) -> None:
        """One event, and its answer."""
        self.events.put(b'{"a": 1}')
        self.answers.get()

    def close(self) -> None:
        """Ends both."""
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _requests(self) -> type[http.server.BaseHTTPRequestHandler]:
        bare = self

        class Requests(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._reply(200, bare.events.get())

            def do_POST(self) -> None:
                bare.answers.put(self.rfile.read(int(self.headers["Content-Length"])))
                self._reply(202, b"{}")

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                    "Lambda-Runtime-Aws-Request-Id": "1",
                    "Lambda-Runtime-Deadline-Ms": str(int(1000 * time.time()) + 60_000),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        return Requests


def took(work: Any) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def at(values: list[float], part: float) -> float:
    """A quantile by nearest rank."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def rows(backend: str) -> Iterator[Row]:
    """Its rows on a backend."""
    with (
        tempfile.TemporaryDirectory() as name,
        functions("bench", backend) as platform,  # type: ignore[arg-type]
        platform.space() as space,
    ):
        folder = Path(name)
        (folder / "handler.py").write_text(HANDLER)
        function = space.deploy("f", {"handler.py": HANDLER}, GENEROUS)
        yield from warm(backend, function, folder)
        yield from cold(backend, function, folder)
        if backend == "embedded":
            yield many(function)


def warm(backend: str, function: FunctionHandle, folder: Path) -> Iterator[Row]:
    """An event to a warm instance."""
    bare = Bare(folder)
    try:
        pairs = [(took(lambda: function.invoke(1)), took(bare.invoke)) for _ in range(ROUNDS + 10)][10:]
    finally:
        bare.close()
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    for part, word in ((0.5, "p50"), (0.99, "p99")):
        ratio = at(ours, part) / at(theirs, part)
        measured = f"{at(ours, part):.1f} ms, bare awslambdaric {at(theirs, part):.1f} ms: {ratio:.2f} ×"
        yield Row(f"{backend}: event to a warm instance, {word}", measured, "≤ 1.5 ×", ratio <= 1.5)


def cold(backend: str, function: FunctionHandle, folder: Path) -> Iterator[Row]:
    """A cold instance until its first answer; where it can be, also one that is forked with its runtime imported."""

    def theirs() -> float:
        began = time.perf_counter()
        bare = Bare(folder)
        bare.invoke()
        seconds = time.perf_counter() - began
        bare.close()  # its server takes half a second to end: none of theirs
        return 1000 * seconds

    forked = function.copy("forked", replace(function.settings, warm=True))
    forked.invoke(1)  # the first one waits for what the others are forked from
    times = []
    for _ in range(STARTS):
        function.recycle()
        forked.recycle()
        times.append((theirs(), took(lambda: function.invoke(1)), took(lambda: forked.invoke(1))))
    hand, mine, quick = (at(list(column), 0.5) for column in zip(*times, strict=True))
    yield _ratio(f"{backend}: cold instance until its answer", mine, hand, 1.2)
    if backend == "embedded":
        yield _ratio(f"{backend}: the same, forked with its runtime imported", quick, hand, 1 / 3)


def _ratio(what: str, ours: float, hand: float, goal: float) -> Row:
    ratio = ours / hand
    return Row(what, f"{ours:.0f} ms, by hand {hand:.0f} ms: {ratio:.2f} ×", f"≤ {goal:.2g} ×", ratio <= goal)


def many(function: FunctionHandle) -> Row:
    """Two hundred instances at once, and the memory of all of them."""
    forked = function.copy("many", replace(function.settings, warm=True))
    began = time.perf_counter()
    results = forked.invoke_all(list(range(MANY)))
    seconds = time.perf_counter() - began
    used = 0.0
    for process in psutil.process_iter(["cmdline"]):
        if "awslambdaric" in " ".join(process.info["cmdline"] or []):
            used += process.memory_full_info().pss / 2**30
    answered = sum(result.ok for result in results)
    measured = f"{answered} answered in {seconds:.0f} s, {used:.2f} GB"
    return Row(f"{MANY} instances at once", measured, "all, ≤ 1 GB", answered == MANY and used <= 1)
