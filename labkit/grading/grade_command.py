"""`labkit grade`: judge all submissions of a section in parallel, then let nbgrader write marks from the verdicts."""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labkit import course
from labkit.grading import nbgrader_run, sandbox, submission
from labkit.grading.engine import Judged, Pool, Work
from labkit.grading.verdict_store import STORE, VerdictStore


@dataclass
class Outcome:
    """What came of a run, for the last lines."""

    judged: list[Judged] = field(default_factory=list)
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
    nbgrader = threading.Thread(target=nbgrader_run.load, daemon=True)  # while the checkers work
    nbgrader.start()
    _judge(work, jobs, outcome, console)
    nbgrader.join()
    wrote = nbgrader_run.autograde(section, student, force=force)
    late = nbgrader_run.late(section)
    outcome.remarks += [f"{who}: handed in {seconds / 3600:.1f} hours late" for who, seconds in late.items()]
    _summarise(outcome, console)
    if not wrote or outcome.bad or outcome.faults:
        raise SystemExit(1)


def _find(section: str, student: str, outcome: Outcome) -> Iterator[Work]:
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
    """Judges in parallel and keeps each verdict at once, so that a run that is stopped goes on from there."""
    store = VerdictStore(STORE)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, Pool(jobs) as pool:
        bar = progress.add_task("Judging", total=len(work))
        try:
            for judged in pool.judge(work):
                if judged.fault:
                    outcome.faults.append(f"{judged.work.student}, {judged.work.lab.name}: not graded: {judged.fault}")
                else:
                    store.put(judged.work.lab, judged.work.answers, judged.verdicts)
                    outcome.judged.append(judged)
                progress.advance(bar)
        except KeyboardInterrupt:
            pool.stop()
            console.print(
                f"Stopped. {len(outcome.judged)} were judged and are kept; the same command goes on from there."
            )
            raise SystemExit(130) from None


def _summarise(outcome: Outcome, console: Console) -> None:
    verdicts = [(judged.work.lab, verdict) for judged in outcome.judged for verdict in judged.verdicts]
    failed = collections.Counter(
        f"{lab.name}: {verdict.check}" for lab, verdict in verdicts if verdict.outcome == "fail"
    )
    for remark in outcome.remarks:
        console.print(f"Note: {remark}", markup=False, soft_wrap=True)
    for line in [*outcome.bad, *outcome.faults]:
        console.print(line, markup=False, style="red", soft_wrap=True)
    for check, count in failed.most_common(5):
        console.print(f"failed {count} times: {check}", markup=False)
    for judged in sorted(outcome.judged, key=lambda judged: -judged.seconds)[:5]:
        console.print(f"{judged.seconds:.1f} s: {judged.work.student}, {judged.work.lab.name}", markup=False)
    console.print(
        f"{len(outcome.judged)} judged, {outcome.kept} judged before, {len(outcome.bad)} unreadable, "
        f"{len(outcome.faults)} faults of the course"
    )
