"""`labkit hint`: one more hint, for those who work in a terminal."""

from __future__ import annotations

import click

from labkit import course
from labkit.checking.process import CheckerFault, CheckerProcess
from labkit.course import completion, submission
from labkit.course.verdict import Verdict
from labkit.notebook import progress


@click.command("hint")
@click.argument("lab", shell_complete=completion.labs)
def command(lab: str) -> None:
    """Check LAB's saved notebook, and show one more hint for the first check that fails. The exit status is 3 when the course could not judge."""
    try:
        found = course.find(lab)
        answers = submission.read(course.root() / found.exercise, found).answers
        with CheckerProcess("learner") as checker:
            verdicts = checker.check(found, answers)
    except submission.BadSubmission as error:
        raise click.ClickException(str(error)) from error
    except CheckerFault as fault:
        click.echo(f"The course could not judge: {fault}")
        raise SystemExit(3) from fault
    click.echo(_next(found, verdicts))


def _next(lab: course.Lab, verdicts: list[Verdict]) -> str:
    """The hint, which counts as seen from now on."""
    failed = [verdict for verdict in verdicts if verdict.outcome == "fail"]
    if not failed:
        return "No check fails."
    seen_by_answer = progress.read().get(lab.key, {})
    for verdict in failed:
        seen = seen_by_answer.get(verdict.answer, {}).get("hints", {}).get(verdict.check, 0)
        if seen < len(verdict.hints):
            progress.record(lab, verdict.answer, progress.hint_seen(verdict.check, seen + 1))
            return f"{verdict.sentence}\nHint {seen + 1} of {len(verdict.hints)}: {verdict.hints[seen]}"
    return (
        f"{failed[0].sentence}\nYou have seen all hints. The solution is in the notebook: %solution {failed[0].answer}"
    )
