"""Measuring: seconds, memory of whole process trees, and rows of the table."""

from __future__ import annotations

import collections
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

RUNS = 7
ENDING = 30.0  # seconds for a server that nobody uses any more


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, what came out, and the goal with whether it is met."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds, the peak memory of its whole process tree in MB (proportional set size), the seconds until
    the file that was waited for was there, and the seconds of processor time by what they were spent on.
    """

    seconds: float
    megabytes: float
    first: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)


def pss(processes: Iterable[psutil.Process]) -> float:
    """The memory of processes in MB, with shared pages counted once (each has its proportion)."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return total / 1e6


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def of_home(home: Path) -> list[psutil.Process]:
    """The processes that run on a LABKIT_HOME, and their servers: keepers outlive nobody, but descend from no one."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get("LABKIT_HOME") == str(home):
                found |= {each.pid: each for each in tree(process.pid)}
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return list(found.values())


def ours() -> list[psutil.Process]:
    """The processes that run on this benchmark's home, but for this one."""
    return [process for process in of_home(Path(os.environ["LABKIT_HOME"])) if process.pid != os.getpid()]


def await_none_of_ours() -> None:
    """Waits until all that the last lease kept has ended."""
    until = time.monotonic() + ENDING
    while ours():
        assert time.monotonic() < until, "what was given back does not end"
        time.sleep(0.02)


def processor_time(process: psutil.Process, command: int) -> dict[str, float]:
    """The seconds that a process has used, by what on. A server's own processes count once they ended, as its children."""
    try:
        line, used = process.cmdline(), process.cpu_times()
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return {}
    own, children = used.user + used.system, used.children_user + used.children_system
    if "-D" in line and line[0].endswith("postgres"):
        return {"Postgres": own + children}
    if "labkit.checking.checker" in line:
        return {"checks": own, "sandboxed programs": children}
    return {"the command itself": own} if process.pid == command else {}


def command(argv: list[str], cwd: Path, *, expect: int = 0, appears: Path | None = None) -> Run:
    """Runs a command to its end. Raises AssertionError with the end of its output when its status is another."""
    peak, first, done = 0.0, 0.0, threading.Event()
    spent: dict[int, dict[str, float]] = {}
    started = time.perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader runs `alembic` by its name
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(
        argv, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:

        def watch() -> None:
            nonlocal peak, first
            home = Path(os.environ["LABKIT_HOME"])
            while appears and not appears.exists() and not done.wait(0.02):
                first = time.perf_counter() - started
            while not done.wait(0.5):
                everyone = {p.pid: p for p in [*tree(process.pid), *of_home(home)]}
                peak = max(peak, pss(everyone.values()))
                spent.update({p.pid: used for p in everyone.values() if (used := processor_time(p, process.pid))})

        watcher = threading.Thread(target=watch)
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
    assert process.returncode == expect, f"{' '.join(argv)}:\n{output[-3000:]}"
    by_what = collections.Counter[str]()
    for used in spent.values():
        by_what.update(used)
    return Run(seconds, peak, first, by_what)


def mean(one: Run, other: Run) -> Run:
    """Two runs of the same, before and after what it is compared with: a shared machine's speed changes within minutes."""
    seconds, first = (one.seconds + other.seconds) / 2, (one.first + other.first) / 2
    return Run(seconds, max(one.megabytes, other.megabytes), first, one.spent)


def median_of(do: Callable[[], object], runs: int = RUNS) -> float:
    """The median of the seconds that `do` takes."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        do()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def ms(seconds: float) -> str:
    """Seconds as text in ms."""
    return f"{seconds * 1000:.0f} ms"


def scaling() -> float:
    """How many times as much two processes get done as one that is alone: two cores of a shared machine are seldom two."""
    loop = [sys.executable, "-c", "sum(range(60_000_000))"]

    def seconds(processes: int) -> float:
        def run() -> None:
            for started in [subprocess.Popen(loop) for _ in range(processes)]:
                started.wait()

        return median_of(run, 3)

    return 2 * seconds(1) / seconds(2)
