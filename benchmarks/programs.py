"""Sandboxed programs until their first own line has run: forked from one that has imported what they need, beside one that imports for itself.

Processor time is that of the whole machine meanwhile, so nothing else may run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Row, ms
from labkit.kinds.alembic.kind import Alembic
from labkit.kinds.model.kind import Model
from labkit.kinds.python.kind import Python
from labkit.sandbox import Bubblewrap, Limits
from labkit.sandbox.limits import Warm

FORKED, ALONE = 30, 5
BUDGET = 0.040  # seconds of processor time
NO_LIMIT = Limits(seconds=600, cpu_seconds=600)


def rows() -> Iterator[Row]:
    """One row a set of imports; none where there is no bubblewrap."""
    sandbox = Bubblewrap.probe()
    if sandbox is None:
        return
    try:
        for name, kind in (
            ("psycopg", Python),
            ("Alembic and SQLAlchemy", Alembic),
            ("MLflow and scikit-learn", Model),
        ):
            modules = kind.imports
            forked, alone = (
                used(sandbox, modules, warm, count) for warm, count in ((Warm(modules), FORKED), (None, ALONE))
            )
            yield Row(
                f"a program that needs {name}, until its first line: processor time (and wall time)",
                f"{ms(forked[0])} ({ms(forked[1])}) / {ms(alone[0])} ({ms(alone[1])}) = {alone[0] / forked[0]:.0f} x",
                f"<= {ms(BUDGET)}",
                forked[0] <= BUDGET,
            )
    finally:
        sandbox.close()


def used(sandbox: Bubblewrap, modules: tuple[str, ...], warm: Warm | None, count: int) -> tuple[float, float]:
    """Seconds of processor time and of wall time of one program, the mean of some."""
    limits = replace(NO_LIMIT, memory=Model.sandbox.memory)
    command = ["python", "-c", "\n".join(f"import {name}" for name in modules) + "\nimport os; os._exit(0)"]
    assert sandbox.run(command, warm=warm, limits=limits).ok
    busy, started = processor_time(), time.perf_counter()
    for _ in range(count):
        sandbox.run(command, warm=warm, limits=limits)
    return (processor_time() - busy) / count, (time.perf_counter() - started) / count


def processor_time() -> float:
    """Seconds that the machine's processors have worked since it began."""
    user, nice, system = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:4])
    return (user + nice + system) / 100
