"""`labkit update`: a newer course, from git or from another copy."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import click

from labkit import course
from labkit.course import CourseError, completion, submission
from labkit.notebook import update
from labkit.pages.page import plural


@click.command("update")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--take",
    metavar="LAB",
    shell_complete=completion.labs,
    help="Take the new notebook of a lab that had stayed, with your answers in it.",
)
@click.option("--undo", is_flag=True, help="Bring back what the last update replaced.")
def command(folder: Path | None, take: str, undo: bool) -> None:
    """Bring a newer course here: from FOLDER, a newer copy of it, else from where this clone came from (git).

    A lab that you have begun stays as it is, with a line that says what is new in it. Its checks, and all else, become new.
    """
    if sum(map(bool, (folder, take, undo))) > 1:
        raise click.UsageError("Say a folder, --take LAB or --undo.")
    if undo:
        count = update.kept().swap()
        click.echo(f"{plural(count, 'file')} as before." if count else "There is no update to take back.")
        return
    if take:
        try:
            lines = update.take(course.find(take))
        except submission.BadSubmission as error:
            raise click.ClickException(str(error)) from error
        for line in lines:
            click.echo(line)
        return
    done = update.update(folder) if folder else _from_git()
    click.echo(
        f"{plural(done.files, 'file')} new." if done.files or done.lines else "The course is the newest already."
    )
    for line in done.lines:
        click.echo(f"- {line}")
    if done.files:
        click.echo(
            "Run `make env` now. Notebooks that are open: File, Reload Notebook from Disk. To take it back: labkit update --undo"
        )


def _from_git() -> update.Updated:
    """What was fetched is put beside the work; then git knows the new state, and shows what stayed as changed."""
    if not (course.root() / ".git").exists():
        raise CourseError(
            "This copy of the course is no git clone. Get a newer copy, and name its folder: labkit update FOLDER"
        )
    _git("fetch", "--quiet")
    newest = _git("rev-parse", "@{upstream}").strip()
    if subprocess.run(["git", "merge-base", "--is-ancestor", "HEAD", newest], cwd=course.root()).returncode:
        raise CourseError("This clone has commits of its own. Merge the newer course by hand: git merge @{upstream}")
    archive = subprocess.run(["git", "archive", newest], cwd=course.root(), capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="tar")
        done = update.update(Path(folder))
    _git("reset", "--quiet", newest)
    return done


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=course.root(), capture_output=True, text=True)
    if words[0] != "reset" and done.returncode:  # which ends with 1 where files stayed changed
        raise CourseError(
            f"git {words[0]} does not work here: {done.stderr.strip()}. Mend that, or name a newer copy: labkit update FOLDER"
        )
    return done.stdout
