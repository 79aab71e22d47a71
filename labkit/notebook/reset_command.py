"""`labkit reset`: a lab as it was given, and back again."""

from __future__ import annotations

import click

from labkit import course
from labkit.course import completion, submission
from labkit.notebook.exercise_file import ExerciseFile
from labkit.notebook.kept import Kept
from labkit.pages.page import plural


@click.command("reset")
@click.option("--undo", is_flag=True, help="Take the lab's last reset back.")
@click.argument("lab", shell_complete=completion.labs)
def command(lab: str, undo: bool) -> None:
    """Put the answers of LAB back to how they were given, and clear its outputs. Cells of your own stay, and so do points and hints seen.

    What it replaces can be had back with --undo. The data of an open notebook is put back by its header's button, or by %reset_lab.
    """
    found = course.find(lab)
    kept = Kept(f"reset/{found.key}")
    again = "A notebook that is open: File, Reload Notebook from Disk."
    if undo:
        click.echo(f"{found.title}: as before. {again}" if kept.swap() else f"{found.title} has no reset to take back.")
        return
    try:
        exercise = ExerciseFile(found)
    except submission.BadSubmission as error:
        raise click.ClickException(str(error)) from error
    changed = exercise.reset()
    if not changed:
        click.echo(f"{found.title}: every answer is as it was given.")
        return
    kept.begin()
    kept.keep(exercise.path)
    exercise.save()
    click.echo(f"{found.title}: {plural(len(changed), 'answer')} put back as given ({', '.join(changed)}).")
    click.echo(f"{again} To take it back: labkit reset {found.key} --undo")
