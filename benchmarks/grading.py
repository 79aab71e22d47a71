"""Grading an exam: ours against stock nbgrader and otter with equal checks, in one run, start-up included.

`make bench-grading` runs this. SIZES=100,1000,10000 says how many submissions the cost of one is measured at.
"""

from __future__ import annotations

import collections
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import others
from benchmarks.generated import generated, hand_in
from benchmarks.measure import Row, Run, command, mean, median_of, ms, scaling
from labkit import course
from labkit.grading.engine import Pool
from labkit.grading.work_order import Work

T = TypeVar("T")
SQL, PYTHON, MIGRATIONS = (
    f"91-databases/{name}" for name in ("jsonb-search", "retry-conflicts", "alembic-expand-contract")
)
SPELLED = {SQL: "refunds", PYTHON: "transfer", MIGRATIONS: "expand"}
FEW, SOME, MANY, MORE = 20, 40, 100, 400
WARM = 4  # so many build the templates of two workers, which are kept from then on
THEIRS = 20  # they are linear: their time of more is that of these, scaled
THEIR_OTTER = 5


@dataclass(frozen=True)
class Ratios:
    """How many times as long stock nbgrader and otter take, at 100 submissions."""

    nbgrader: float
    otter: float


def rows() -> Iterator[Row]:
    """The short form, part of `make bench`: 20 submissions of one SQL lab against stock nbgrader."""
    lab, (few, many) = course.find(SQL), (2, FEW)
    ours(lab, WARM)
    theirs, mine = beside(
        lab,
        (few, many),
        lambda: {count: others.nbgrader(lab, generated(lab, count, SPELLED[SQL])) for count in (few, many)},
    )
    yield _ratio(f"grade {many} submissions", mine[many].seconds, "stock nbgrader", theirs[many].seconds, 10)
    more = [(run[many].seconds - run[few].seconds) / (many - few) for run in (mine, theirs)]
    yield Row("one more submission", f"{more[0]:.2f} s / {more[1]:.2f} s = {more[1] / more[0]:.1f} x")
    yield _less("peak memory", mine[many].megabytes, theirs[many].megabytes)


def exam_rows() -> Iterator[Row]:
    """The long form, by `make bench-grading`. The last row is all of it in one line."""
    found: dict[str, Ratios] = {}
    with others.otter() as otter:
        for key, goals in ((SQL, (25, 40)), (PYTHON, (10, 15)), (MIGRATIONS, (10, 15))):
            found[key] = yield from _against(course.find(key), otter, goals)
            yield from _profile(course.find(key))
    yield from _sizes(course.find(SQL))
    yield from _workers(course.find(SQL))
    yield _sandbox()
    sql, python = found[SQL], found[PYTHON]
    yield Row(
        "grading",
        f"{sql.nbgrader:.1f} x stock nbgrader, {sql.otter:.1f} x otter (SQL); "
        f"{python.nbgrader:.1f} x, {python.otter:.1f} x (Python)",
    )


def ours(lab: course.Lab, count: int, *options: str) -> Run:
    """`labkit grade` of a fresh course."""
    with tempfile.TemporaryDirectory() as folder:
        labkit = [sys.executable, "-m", "labkit"]
        command([*labkit, "course", folder, lab.key], course.root())  # one lab, as theirs
        hand_in(Path(folder), lab, generated(lab, count, SPELLED[lab.key]))
        trail = Path(folder, ".labkit", "audit.jsonl")
        return command([*labkit, "grade", lab.section, "--course", folder, *options], course.root(), appears=trail)


def beside(lab: course.Lab, counts: tuple[int, int], theirs: Callable[[], T]) -> tuple[T, dict[int, Run]]:
    """What `theirs` gives, and ours of each count, measured before and after it."""
    before = {count: ours(lab, count) for count in counts}
    given = theirs()
    return given, {count: mean(run, ours(lab, count)) for count, run in before.items()}


def _against(lab: course.Lab, otter: Path, goals: tuple[int, int]) -> Iterator[Row]:
    ours(lab, WARM)
    submissions = generated(lab, THEIRS, SPELLED[lab.key])
    (stock, run), mine = beside(
        lab,
        (FEW, MANY),
        lambda: (others.nbgrader(lab, submissions), others.otter_run(otter, lab, submissions[:THEIR_OTTER])),
    )
    scaled = {count: (stock.seconds * count / THEIRS, run.seconds * count / THEIR_OTTER) for count in mine}
    few, many = mine[FEW], mine[MANY]
    yield _ratio(
        f"{lab.name}: {FEW} submissions", few.seconds, "stock nbgrader", scaled[FEW][0], 12 if lab.key == SQL else None
    )
    yield _ratio(
        f"{lab.name}: {MANY}", many.seconds, f"stock nbgrader (scaled from {THEIRS})", scaled[MANY][0], goals[0]
    )
    yield _ratio(
        f"{lab.name}: {MANY}", many.seconds, f"otter run (scaled from {THEIR_OTTER})", scaled[MANY][1], goals[1]
    )
    total = sum(many.spent.values())
    shares = ", ".join(f"{what} {seconds / total:.0%}" for what, seconds in many.spent.items())
    yield Row(f"{lab.name}: processor time of {MANY}", f"{total:.1f} s: {shares}")
    yield _less(f"{lab.name}: peak memory, stock nbgrader", many.megabytes, stock.megabytes)
    yield _less(f"{lab.name}: peak memory, otter", many.megabytes, run.megabytes)
    yield Row(f"{lab.name}: start until the first verdict", f"{few.first:.1f} s", "<= 3 s", few.first <= 3)
    return Ratios(scaled[MANY][0] / many.seconds, scaled[MANY][1] / many.seconds)


def _profile(lab: course.Lab) -> Iterator[Row]:
    """What the workers' seconds are spent on, and what a submission takes whose databases are there already."""
    submissions = enumerate(generated(lab, SOME, SPELLED[lab.key]))
    with Pool(os.cpu_count() or 1) as pool:
        judged = list(pool.judge(Work(str(number), lab, answers) for number, answers in submissions))
    spent = collections.Counter[str]()
    for one in judged:
        spent["everything around the checks"] += one.seconds
        for verdict in one.verdicts:
            spent[verdict.check.removeprefix("test_")] += verdict.seconds
            spent["everything around the checks"] -= verdict.seconds
    total = spent.total()
    yield Row(
        f"{lab.name}: where {SOME} spend {total:.1f} s",
        ", ".join(f"{what} {seconds / total:.0%}" for what, seconds in spent.most_common(5)),
    )
    yield Row(
        f"{lab.name}: the limit: half of them take less than", ms(statistics.median(one.seconds for one in judged))
    )


def _sizes(lab: course.Lab) -> Iterator[Row]:
    """Each size's cost of one more submission, from the smallest on."""
    sizes = [int(size) for size in os.environ.get("SIZES", "100,1000").split(",")]
    runs = {size: ours(lab, size) for size in sizes}
    first = sizes[0]
    each = {size: (runs[size].seconds - runs[size].first) / size for size in sizes}
    for size in sizes:
        measured = f"{each[size] * 1000:.0f} ms, peak memory {runs[size].megabytes:.0f} MB"
        flat = each[size] <= each[first] * 1.1 and runs[size].megabytes <= runs[first].megabytes * 1.1
        yield Row(f"one submission of {size:,}", measured, f"at most 10 % over that of {first:,}", flat)


def _workers(lab: course.Lab) -> Iterator[Row]:
    """Start-up included, which is little of so many, and without marking, which has one writer whoever judges.

    Two workers are measured before, between and after the others.
    """
    two, one, again = (ours(lab, MORE, "--dry-run", "--jobs", jobs).seconds for jobs in ("2", "1", "2"))
    dask = _over_dask(lab).seconds
    last = ours(lab, MORE, "--dry-run", "--jobs", "2").seconds
    machine = scaling()
    beside = statistics.mean((two, again))
    gain = one / beside
    measured = f"{one:.1f} s / {beside:.1f} s = {gain:.2f} x (two empty loops on this machine: {machine:.2f} x)"
    yield Row(f"{MORE}: 1 worker / 2 workers", measured, ">= 1.8 x", gain >= 1.8)
    beside = statistics.mean((again, last))
    over = dask / beside - 1
    measured = f"{dask:.1f} s / {beside:.1f} s: {over * 100:+.0f} %"
    yield Row(f"{MORE}: Dask with 2 workers / the pool", measured, "<= 10 %", over <= 0.1)


def _over_dask(lab: course.Lab) -> Run:
    import dask
    from distributed import LocalCluster

    # As docs/examiner.md has it: each worker's own profiler would take a tenth of a core.
    with (
        dask.config.set(
            {"distributed.worker.profile.enabled": False, "temporary-directory": os.environ["LABKIT_HOME"]}
        ),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as cluster,
    ):
        ours(lab, 2 * WARM, "--scheduler", cluster.scheduler_address)  # its workers' own templates
        return ours(lab, MORE, "--dry-run", "--scheduler", cluster.scheduler_address)


def _sandbox() -> Row:
    """What a sandbox adds to a program that does nothing."""
    from labkit import sandbox

    safe, unsafe = sandbox.require(), sandbox.Unsafe()
    seconds = [median_of(lambda where=where: where.run(["python", "-c", "pass"])) for where in (safe, unsafe)]
    over = seconds[0] - seconds[1]
    return Row(f"sandbox ({safe.kind}) overhead an answer", ms(over), "<= 60 ms", over <= 0.06)


def _ratio(what: str, mine: float, whose: str, theirs: float, goal: int | None) -> Row:
    ratio = theirs / mine
    measured = f"{mine:.1f} s / {theirs:.1f} s = {ratio:.1f} x"
    return Row(
        f"{what}: ours / {whose}", measured, f">= {goal} x" if goal else "", None if goal is None else ratio >= goal
    )


def _less(what: str, mine: float, theirs: float) -> Row:
    return Row(f"{what}: ours / theirs", f"{mine:.0f} MB / {theirs:.0f} MB", "less", mine < theirs)
