"""`labkit report-problem`: the text of an issue about a lab."""

from __future__ import annotations

import click

from labkit import course
from labkit.checking.process import CheckerFault, CheckerProcess
from labkit.course import completion, submission
from labkit.course.verdict import Verdict
from labkit.machine import backend
from labkit.notebook.exercise_file import ExerciseFile
from labkit.notebook.problem_report import Problem


@click.command("report-problem")
@click.argument("lab", shell_complete=completion.labs)
@click.option(
    "--answer",
    "shown",
    multiple=True,
    metavar="NAME",
    help="Put this answer into the text, too. May be given several times.",
)
@click.option("--no-check", is_flag=True, help="Do not check the saved notebook first.")
def command(lab: str, shown: tuple[str, ...], no_check: bool) -> None:
    """Print a text about LAB to paste into an issue: lab, versions, backend, verdicts and the logs' ends. No answer is in it unless you name one.

    Read it before you send it.
    """
    found = course.find(lab)
    if unknown := [name for name in shown if name not in found.answers]:
        raise click.UsageError(f"{found.key} has no answer {unknown[0]}, but: {', '.join(found.answers)}.")
    problem = Problem(found, backend.choose(), shown=shown)
    try:
        problem.answers = ExerciseFile(found).answers
        if not no_check:
            _check(problem)
    except (submission.BadSubmission, CheckerFault) as error:
        problem.fault = str(error)
    click.echo(problem.text())
    click.echo(
        "Read it, then paste it into an issue of the course (the form “Something is wrong with a lab”).", err=True
    )


def _check(problem: Problem) -> None:
    with CheckerProcess("learner") as checker:
        reply = checker.ask("check", problem.lab.key, answers=problem.answers, hidden="after").result()
    problem.verdicts = [Verdict.from_json(data) for data in reply["verdicts"]]
    problem.services = [reply["server"]] if reply.get("server") else []
