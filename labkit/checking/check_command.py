"""`labkit check`: a lab's visible checks in a terminal, from the saved notebook."""

from __future__ import annotations

import click
from rich.console import Console

from labkit import course
from labkit.checking.process import CheckerFault, CheckerProcess
from labkit.course import completion, hidden, submission
from labkit.course.verdict import Verdict
from labkit.pages import feedback

COLOUR = {"pass": "green", "fail": "red", "fault": "yellow", "unverified": "yellow", "unchecked": "dim"}


@click.command("check")
@click.argument("lab", required=False, default="", shell_complete=completion.labs)
def command(lab: str) -> None:
    """Check LAB's saved notebook as the notebook itself does; without LAB, every lab.

    Checks on other data have their turn when the others of an answer pass, unless this copy of the course is for an assessment.

    The exit status is 0 when all checks pass, 1 when one fails, 3 when the course could not judge.
    """
    console = Console()
    outcomes: set[str] = set()
    try:
        labs = [course.find(lab)] if lab else course.labs()
        for line in [] if lab else course.unreadable():
            console.print(line, style="yellow", markup=False)
            outcomes.add("fault")
        with CheckerProcess("learner") as checker, console.status("") as status:
            for one in labs:
                found = submission.read(course.root() / one.exercise, one)
                for remark in found.remarks:
                    console.print(f"Note: {remark}", markup=False)
                status.update(one.key)
                verdicts = checker.check(one, found.answers, hidden="after")
                _show(console, one, verdicts)
                outcomes |= {verdict.outcome for verdict in verdicts}
    except (course.CourseError, submission.BadSubmission) as error:
        raise click.ClickException(str(error)) from error
    except CheckerFault as fault:
        console.print(f"The course could not judge: {fault}", style="yellow", markup=False)
        raise SystemExit(3) from fault
    if outcomes & {"fault", "unverified"}:
        raise SystemExit(3)
    raise SystemExit(1 if "fail" in outcomes else 0)


def _show(console: Console, lab: course.Lab, verdicts: list[Verdict]) -> None:
    earned, worth = sum(v.earned for v in verdicts), hidden.worth(lab)
    console.print(f"[bold]{lab.key}[/bold]  {earned:g} of {worth}")
    for verdict in verdicts:
        console.print(feedback.text([verdict]), style=COLOUR[verdict.outcome], markup=False, highlight=False)
