"""`labkit grade`: judge all submissions of a section in parallel, then let nbgrader write marks from the verdicts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from labkit import course, sandbox
from labkit.course import completion
from labkit.examiner.course_command import nbgrader
from labkit.examiner.grade_progress import GradeProgress
from labkit.gradebook import flat_folder, nbgrader_run, place
from labkit.gradebook.gradebook_lock import GradebookLocked
from labkit.gradebook.marking import Marking
from labkit.grading import audit, handed_in
from labkit.grading.engine import Judges, Pool
from labkit.grading.outcome import Outcome
from labkit.grading.run_lock import OtherGrader, only_grader
from labkit.grading.verdict_store import STORE, VerdictStore
from labkit.grading.work_order import Work
from labkit.kinds import needs_sandbox
from labkit.machine import told


@click.command("grade")
@click.argument("section", shell_complete=completion.sections)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
@click.option("--scheduler", metavar="ADDRESS", help="Judge on a Dask cluster's workers instead: tcp://HOST:PORT.")
@click.option("--student", default="*", show_default=True, help="Only this student's submission.")
@click.option(
    "--regrade", is_flag=True, help="Judge again what older checks judged, show who gains and loses, and mark it."
)
@click.option("--dry-run", is_flag=True, help="With --regrade: only show who would gain and lose.")
@click.option(
    "--unsafe",
    is_flag=True,
    help="On your own machine: run answers without a sandbox, and stamp every verdict with it.",
)
@click.option("--collect", is_flag=True, help="First collect from nbgrader's exchange what is new there.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="First take the notebooks in this folder, as an LMS exports them.",
)
@click.option(
    "--name-pattern",
    "pattern",
    default=flat_folder.PATTERN,
    show_default=True,
    help="What the names in that folder mean; * stands for anything.",
)
@click.option(
    "--zone",
    default="",
    help="With --from: the time zone of the files' times, e.g. Europe/Berlin. This machine's without it.",
)
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
def command(
    section: str,
    jobs: int,
    scheduler: str | None,
    student: str,
    regrade: bool,
    dry_run: bool,
    unsafe: bool,
    collect: bool,
    source: Path | None,
    pattern: str,
    zone: str,
    folder: Path,
) -> None:
    """Grade the submissions of SECTION with all checks, into nbgrader's gradebook."""
    if not (folder / "nbgrader_config.py").exists():
        raise click.ClickException(
            f"{folder.resolve()} is no nbgrader course. Make one: labkit course FOLDER, and grade there."
        )
    section = course.section(section)  # and the course, found from where we are now
    os.chdir(folder)
    if unsafe:
        os.environ[sandbox.UNSAFE] = "1"
    try:
        with only_grader():
            if collect:
                nbgrader(Path(), "collect", section, "--update")
            if source:
                times = flat_folder.Times(zone, nbgrader_run.due(section))
                for line in (*flat_folder.hand_in(source, pattern, section, times), times.told()):
                    click.echo(f"Note: {told.line(line)}", err=True)
            _grade(section, student, partial(_judges, jobs, scheduler), regrade, dry_run)
    except (OtherGrader, GradebookLocked, flat_folder.BadPattern) as error:
        raise click.ClickException(str(error)) from error
    except place.BadGradebook as error:
        raise click.ClickException(f"{error} What was judged is kept; the same command goes on from there.") from error
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(_trouble(error)) from error


def _trouble(error: OSError | sqlite3.Error) -> str:
    """What the machine refused, and what to do."""
    what = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else str(error)
    return f"The run had to stop: {what}. What was judged is kept; mend that, and the same command goes on from there."


def _judges(jobs: int, scheduler: str | None) -> Judges:
    """Who judges: workers of this machine, or of a Dask cluster, whose library is only imported for that."""
    if scheduler is None:
        return Pool(jobs)
    from labkit.grading.dask_pool import DaskPool

    return DaskPool(scheduler)


def _grade(section: str, student: str, judges: Callable[[], Judges], regrade: bool, dry_run: bool) -> None:
    console = Console(stderr=True)
    outcome = Outcome(audit.latest())
    work = list(handed_in.find(section, student, regrade, outcome))
    if any(needs_sandbox(item.lab) for item in work):
        try:
            sandbox.require()
        except sandbox.NoSandbox as missing:
            raise click.ClickException(str(missing)) from missing
    with closing(Marking(section, work, list(outcome.students), console)) as marking:
        try:
            _judge(work, judges, outcome, console, None if dry_run else marking)
            if regrade:
                outcome.show_changes(console)
            wrote = dry_run or marking.finish()
        except KeyboardInterrupt:
            kept = f"{len(outcome.judged)} notebooks were judged and are kept"
            console.print(f"Stopped. {kept}; the same command goes on from there.", soft_wrap=True)
            raise SystemExit(130) from None
    if dry_run:
        return
    outcome.unmarked = _unmarked(section, outcome, marking)
    outcome.remarks += audit.luck(section)
    late = nbgrader_run.late(section)
    outcome.remarks += [f"{who}: handed in {seconds / 3600:.1f} hours late" for who, seconds in late.items()]
    outcome.summarise(console, marked=len(list(nbgrader_run.AUTOGRADED.glob(f"{student}/{section}"))))
    if not wrote or outcome.bad or outcome.faults or outcome.unmarked:
        raise SystemExit(1)


def _unmarked(section: str, outcome: Outcome, marking: Marking) -> list[str]:
    """A last look: who handed in and has no mark, for whatever reason, and why. Faults of the course are told already."""
    without = [who for who in nbgrader_run.without_mark(section, list(outcome.students)) if who not in outcome.faulty]
    return [f"{who}: no mark: {marking.why.get(who) or 'nbgrader wrote none. Grade again'}" for who in without]


def _judge(
    work: list[Work], judges: Callable[[], Judges], outcome: Outcome, console: Console, marking: Marking | None
) -> None:
    """Judges in parallel and keeps each verdict at once, so that a run that is stopped goes on from there.

    Without `marking` nothing is noted of it: a dry run must not pass for the real one that follows.
    """
    if not work:
        return
    store = VerdictStore(STORE)
    with GradeProgress(console, len(work)) as progress, judges() as those:
        for judged in those.judge(work):
            if not judged.fault:
                store.put(judged.work.lab, judged.work.answers, judged.verdicts, student=judged.work.student)
            outcome.add(judged)
            if marking:
                marking.unmark(judged)
                audit.record(judged)  # after that: what is noted here is not judged again
                marking.mark(judged)
                marking.begin_when(those.spare)
            progress.add(judged)
