"""`labkit grade`: judge all submissions of a section in parallel, then let nbgrader write marks from the verdicts."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import queue
import sys
import threading
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labkit import course
from labkit.checker_process import CheckerFault, CheckerProcess
from labkit.grading import sandbox, submission
from labkit.grading.verdict_store import STORE, VerdictStore
from labkit.verdict import Verdict


@dataclass(frozen=True)
class Work:
    """One notebook to judge."""

    student: str
    lab: course.Lab
    answers: dict[str, str] = field(hash=False)


@dataclass
class Outcome:
    """What came of a run, for the last lines."""

    judged: list[tuple[Work, list[Verdict], float]] = field(default_factory=list)
    kept: int = 0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@click.command("grade")
@click.argument("section")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
@click.option("--student", default="*", show_default=True, help="Only this student's submission.")
@click.option("--force", is_flag=True, help="Let nbgrader mark again what it has marked (a check was mended).")
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
def command(section: str, jobs: int, student: str, force: bool, folder: Path) -> None:
    """Grade the submissions of SECTION with all checks, into nbgrader's gradebook."""
    if not (folder / "nbgrader_config.py").exists():
        raise click.ClickException(
            f"{folder.resolve()} is no nbgrader course. Make one: labkit course FOLDER, and grade there."
        )
    course.root()  # found from where we are now
    os.chdir(folder)
    console = Console(stderr=True)
    outcome = Outcome()
    work = list(_find(section, student, outcome))
    if any(sandbox.NEEDED_BY & set(item.lab.answers.values()) for item in work):
        try:
            sandbox.require()
        except sandbox.NoSandbox as missing:
            raise click.ClickException(str(missing)) from missing
    nbgrader = threading.Thread(target=_import_nbgrader, daemon=True)  # takes 2 s, while the checkers work
    nbgrader.start()
    _judge(work, jobs, outcome, console)
    nbgrader.join()
    wrote = _write(section, student, force)
    outcome.remarks += _late(section)
    _summarise(outcome, console)
    if not wrote or outcome.bad or outcome.faults:
        raise SystemExit(1)


def _find(section: str, student: str, outcome: Outcome):
    """The notebooks that have no verdict yet. Bad ones are put aside with a line each."""
    labs = {lab.name: lab for lab in course.labs(section)}
    store = VerdictStore(STORE)
    paths = sorted(Path("submitted").glob(f"{student}/{section}/*.ipynb"))
    if not paths:
        raise click.ClickException(f"Nothing was handed in: submitted/{student}/{section}/ has no notebook.")
    for path in paths:
        who, lab = path.parts[1], labs.get(path.stem)
        if lab is None:
            outcome.remarks.append(f"{who}: {path.name} is no lab of {section}; it is left out")
            continue
        try:
            found = submission.read(path, lab)
        except submission.BadSubmission as error:
            outcome.bad.append(f"{who}: {error}")
            continue
        outcome.remarks += [f"{who}, {lab.name}: {remark}" for remark in found.remarks]
        if store.get(lab, found.answers) is not None:
            outcome.kept += 1
        else:
            yield Work(who, lab, found.answers)


def _judge(work: list[Work], jobs: int, outcome: Outcome, console: Console) -> None:
    """Judges in parallel: each worker has a checker process of its own."""
    waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
    for item in work:
        waiting.put(item)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Judging", total=len(work))
        workers = [
            threading.Thread(target=_worker, args=(waiting, outcome, lambda: progress.advance(bar)))
            for _ in range(min(jobs, len(work)))
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()
            for worker in workers:
                worker.join()
            console.print(
                f"Stopped. {len(outcome.judged)} were judged and are kept; the same command goes on from there."
            )
            raise SystemExit(130) from None


def _worker(waiting: queue.SimpleQueue[Work], outcome: Outcome, advance) -> None:
    store = VerdictStore(STORE)
    with CheckerProcess("grading") as checker:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            started = time.monotonic()
            try:
                verdicts = checker.check(item.lab, item.answers, hidden=True)
            except CheckerFault as fault:
                outcome.faults.append(f"{item.student}, {item.lab.name}: not graded: {fault}")
            else:
                store.put(item.lab, item.answers, verdicts)
                outcome.judged.append((item, verdicts, time.monotonic() - started))
                outcome.faults += [
                    f"{item.student}, {item.lab.name}: not graded: {v.why}"
                    for v in verdicts
                    if v.outcome in ("fault", "unverified")
                ]
            advance()


def _import_nbgrader() -> None:
    # jsonschema compiles a grammar for IRIs, which no notebook has, in 1.5 s on import; it does without where it is not installed.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import nbgrader.apps  # noqa: F401


def _write(section: str, student: str, force: bool) -> bool:
    """nbgrader's own autograde, in this process; our preprocessor finds the verdicts. Returns whether all went well."""
    from nbgrader.apps import AutogradeApp
    from sqlalchemy.exc import SAWarning

    arguments = [section, "--log-level=WARN", f"--student={student}"] + (["--force"] if force else [])
    app = AutogradeApp()
    app.initialize(arguments)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader 0.9.6 autoflushes objects that are not in a session yet
        try:
            app.start()
        except SystemExit as ended:
            return not ended.code
    return True


def _late(section: str) -> list[str]:
    """A line for each submission that came after the date in nbgrader's gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook("sqlite:///gradebook.db") as gradebook:
        handed_in = [(s.student.id, s.total_seconds_late) for s in gradebook.assignment_submissions(section)]
    return [f"{student}: handed in {seconds / 3600:.1f} hours late" for student, seconds in handed_in if seconds > 0]


def _summarise(outcome: Outcome, console: Console) -> None:
    failed = collections.Counter(
        f"{w.lab.name}: {v.check}" for w, verdicts, _ in outcome.judged for v in verdicts if v.outcome == "fail"
    )
    for remark in outcome.remarks:
        console.print(f"Note: {remark}", markup=False)
    for line in [*outcome.bad, *outcome.faults]:
        console.print(line, markup=False, style="red")
    for check, count in failed.most_common(5):
        console.print(f"failed {count} times: {check}", markup=False)
    for item, _, seconds in sorted(outcome.judged, key=lambda judged: -judged[2])[:5]:
        console.print(f"{seconds:.1f} s: {item.student}, {item.lab.name}", markup=False)
    console.print(
        f"{len(outcome.judged)} judged, {outcome.kept} judged before, {len(outcome.bad)} unreadable, {len(outcome.faults)} faults of the course"
    )
