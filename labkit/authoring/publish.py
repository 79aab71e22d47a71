"""`labkit publish`: the learner's copy: the course with solutions and hidden checks sealed in it, or for an assessment without them."""

from __future__ import annotations

import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import click

from labkit import course, source
from labkit.authoring.release import source_files
from labkit.course import debrief, hidden, sealed

# Beside these, a lesson's source and the instructor's notes stay behind: the notes answer the quiz.
AUTHORS_OWN = ("solutions/", "graders/hidden/", "tests/", "benchmarks/", ".ci/", ".github/")


@click.command("publish")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--assessment", is_flag=True, help="Leave solutions and hidden checks out, sealed ones too.")
def command(folder: Path, assessment: bool) -> None:
    """Make the learner's copy of the course in FOLDER, which must be new or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty, and a learner's work could be lost. Name a new folder.")
    names = [name for name in course_files() if not name.startswith(AUTHORS_OWN)]
    names = [name for name in names if not fnmatch(name, "notebooks/*.md")]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(course.root() / name, target, follow_symlinks=False)
    if not assessment:
        for path in source_files():
            lab = course.find(f"{path.parent.name}/{path.stem}")
            texts = (source.read(path).solutions(), hidden.files(lab), debrief.files(lab))
            sealed.write(folder, lab.section, lab.name, *texts)
    which = "no solutions, no hidden checks" if assessment else "solutions and hidden checks sealed"
    click.echo(f"{len(names)} files in {folder}, {which}.")


def course_files() -> list[str]:
    """The course's files, relative to its root: those that git knows or would add. Raises ClickException outside git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=course.root(),
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        raise click.ClickException(
            f"{course.root()} is no git checkout, so its files are not known. Publish from a clone."
        )
    return [name for name in listed.stdout.split("\0") if name and (course.root() / name).exists()]
