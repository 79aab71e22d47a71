"""How long a learner waits for Postgres: ready, the next lab, a reset."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from benchmarks.measure import Row, await_none_of_ours, median_of, ms
from labkit.services.postgres import postgres
from labkit.services.postgres.lab_template import lab_template

LAB = "91-databases/jsonb-search"


def rows(backend: str) -> Iterator[Row]:
    """Measured on one backend, with the data folder and the template there already, as on every day but the first."""
    template = lab_template(LAB)
    with postgres("learner", backend=backend) as server:
        server.database(template).drop()

    ready = statistics.median(_ready(backend) for _ in range(5))
    yield Row(f"{backend}: Postgres ready", ms(ready), "<= 1.2 s", ready <= 1.2)
    with postgres("learner", backend=backend) as server:
        made = []
        clone = median_of(lambda: made.append(server.database(template)))
        yield Row(f"{backend}: next lab (a clone of {_size(made[0])})", ms(clone), "<= 100 ms", clone <= 0.1)
        reset = median_of(lambda: made[0].reset(undoable=True))
        yield Row(f"{backend}: reset", ms(reset), "<= 150 ms", reset <= 0.15)
        for database in made:
            database.drop()


def _ready(backend: str) -> float:
    """Seconds until a server takes leases that is not running yet."""
    await_none_of_ours()
    started = time.perf_counter()
    server = postgres("learner", backend=backend)
    seconds = time.perf_counter() - started
    server.close()
    return seconds


def _size(database) -> str:
    with database.admin() as admin:
        return admin.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()[0]
