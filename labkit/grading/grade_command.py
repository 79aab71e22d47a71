"""`labkit grade`: judge all submissions of a section in parallel, then let nbgrader write marks from the verdicts."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labkit import course
from labkit.grading import audit, nbgrader_run, sandbox, submission
from labkit.grading.engine import Judged, Pool, Work
from labkit.grading.marking import Marking
from labkit.grading.verdict_store import STORE, VerdictStore, checks_key


@dataclass
class Outcome:
    """What came of a run, for the last lines. `before` is what the notebooks had that were judged earlier, too."""

    before: dict[tuple[str, str], audit.Entry]
    judged: list[Judged] = field(default_factory=list)
    kept: int = 0
    stale: int = 0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@click.command("grade")
@click.argument("section")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
@click.option("--student", default="*", show_default=True, help="Only this student's submission.")
@click.option(
    "--regrade", is_flag=True, help="Judge again what older checks judged, show who gains and loses, and mark it."
)
@click.option("--dry-run", is_flag=True, help="With --regrade: only show who would gain and lose.")
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
def command(section: str, jobs: int, student: str, regrade: bool, dry_run: bool, folder: Path) -> None:
    """Grade the submissions of SECTION with all checks, into nbgrader's gradebook."""
    if not (folder / "nbgrader_config.py").exists():
        raise click.ClickException(
            f"{folder.resolve()} is no nbgrader course. Make one: labkit course FOLDER, and grade there."
        )
    course.root()  # found from where we are now
    os.chdir(folder)
    console = Console(stderr=True)
    outcome = Outcome(audit.latest())
    work = list(_find(section, student, regrade, outcome))
    if any(sandbox.NEEDED_BY & set(item.lab.answers.values()) for item in work):
        try:
            sandbox.require()
        except sandbox.NoSandbox as missing:
            raise click.ClickException(str(missing)) from missing
    with ThreadPoolExecutor(1) as background:
        marking = Marking(section, work, loading=background.submit(nbgrader_run.load))  # while the checkers start
        _judge(work, jobs, outcome, console, None if dry_run else marking)
    if regrade:
        _show_changes(outcome, console)
    if dry_run:
        return
    wrote = marking.finish(sorted(path.name for path in Path("submitted").glob(student)), console)
    late = nbgrader_run.late(section)
    outcome.remarks += [f"{who}: handed in {seconds / 3600:.1f} hours late" for who, seconds in late.items()]
    _summarise(outcome, console)
    if not wrote or outcome.bad or outcome.faults:
        raise SystemExit(1)


def _find(section: str, student: str, regrade: bool, outcome: Outcome) -> Iterator[Work]:
    """The notebooks that are to be judged now. Bad ones are put aside with a line each."""
    labs = {lab.name: lab for lab in course.labs(section)}
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
        if _to_judge(who, lab, found.answers, regrade, outcome):
            yield Work(who, lab, found.answers)


def _to_judge(student: str, lab: course.Lab, answers: dict[str, str], regrade: bool, outcome: Outcome) -> bool:
    """Whether there is no verdict on these answers yet. What is graded stays graded, unless a new judgement is asked for."""
    entry = outcome.before.get((student, lab.key))
    if entry is None or entry["answers"] != audit.fingerprint(answers):
        return True
    stale = entry["checks"] != checks_key(lab)
    outcome.kept += not stale
    outcome.stale += stale
    return stale and regrade


def _judge(work: list[Work], jobs: int, outcome: Outcome, console: Console, marking: Marking | None) -> None:
    """Judges in parallel and keeps each verdict at once, so that a run that is stopped goes on from there.

    Without `marking` nothing is noted of it: a dry run must not pass for the real one that follows.
    """
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
                if marking:
                    marking.unmark(judged)
                    audit.record(judged)  # after that: what is noted here is not judged again
                    marking.mark(judged)
                progress.advance(bar)
        except KeyboardInterrupt:
            pool.stop()
            console.print(
                f"Stopped. {len(outcome.judged)} were judged and are kept; the same command goes on from there."
            )
            raise SystemExit(130) from None


def _show_changes(outcome: Outcome, console: Console) -> None:
    """Who gains and who loses by the new judgement."""
    for judged in sorted(outcome.judged, key=lambda judged: judged.work.student):
        entry = outcome.before.get((judged.work.student, judged.work.lab.key))
        now = sum(verdict.earned for verdict in judged.verdicts)
        if entry and now != audit.earned(entry):
            gain = now - audit.earned(entry)
            who = f"{judged.work.student}, {judged.work.lab.name}"
            console.print(f"{'gains' if gain > 0 else 'loses'} {abs(gain):g}: {who}", markup=False)


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
    if outcome.stale:
        console.print("The checks have changed since: --regrade --dry-run shows who would gain and who would lose.")
    console.print(
        f"{len(outcome.judged)} judged, {outcome.kept} judged before, {outcome.stale} judged by older checks, {len(outcome.bad)} unreadable, "
        f"{len(outcome.faults)} faults of the course"
    )
