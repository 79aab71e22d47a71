"""The course's MLflow server beside `mlflow server` as one starts it oneself: until it answers, and in memory; then a lab's place."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from benchmarks.measure import Row, await_none_of_ours, median_of, ms, ours, pss, tree
from labkit.services.mlflow.running import mlflow

LAB = "93-mlops/which-model-is-live"
PATIENCE = 300.0


def rows() -> Iterator[Row]:
    """The embedded server; theirs is started first, so that neither meets a colder disk."""
    theirs, their_memory = _theirs()
    mlflow("bench", "embedded").close()  # the template of its database is made the first time
    await_none_of_ours()
    began = time.perf_counter()
    with mlflow("bench", "embedded") as server:
        ready = time.perf_counter() - began
        memory = pss(ours())
        yield _beside("MLflow ready", ready, theirs, "s", 1 / 2)
        yield _beside("its memory", memory, their_memory, "MB", 1 / 3)
        made = []
        place = median_of(lambda: made.append(server.place(LAB)))
        yield Row("next lab", ms(place), "<= 200 ms", place <= 0.2)
        reset = median_of(lambda: made[0].reset(undoable=True))
        yield Row("reset", ms(reset), "<= 300 ms", reset <= 0.3)
        for one in made:
            one.drop()


def _theirs() -> tuple[float, float]:
    """Seconds until it says that it is healthy, and megabytes then."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not _is_healthy(f"http://127.0.0.1:{port}/health"):
                assert process.poll() is None, "mlflow server has ended"
                assert time.perf_counter() - began < PATIENCE
                time.sleep(0.05)
            return time.perf_counter() - began, pss(tree(process.pid))
        finally:
            for one in reversed(tree(process.pid)):
                one.kill()
            process.wait()


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _beside(what: str, mine: float, theirs: float, unit: str, goal: float) -> Row:
    measured = f"{mine:.1f} {unit}, `mlflow server` {theirs:.1f} {unit}: {mine / theirs:.2f} x"
    return Row(what, measured, f"<= {goal:.2g} x", mine <= goal * theirs)
