"""`labkit export`: a section's marks, as other programs take them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from labkit import course
from labkit.course import completion
from labkit.gradebook import export, results
from labkit.machine import told


@click.command("export")
@click.argument("section", shell_complete=completion.sections)
@click.option("--format", "name", type=click.Choice(list(export.FORMATS)), required=True, help="Who will read it.")
@click.option(
    "--column", help="The mark's column: the grade item of Moodle, the assignment of Canvas. SECTION without it."
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of printing it.")
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
def command(section: str, name: str, column: str | None, output: Path | None, folder: Path) -> None:
    """Write the marks of SECTION for Moodle, Canvas, a spreadsheet or a program."""
    section = course.section(section)  # and the course, found from where we are now
    with contextlib.chdir(folder):
        found = results.read(section)
    text = export.FORMATS[name](found, column or section).encode(errors="backslashreplace")
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_bytes(text)
    _warn(found, name)


def _warn(found: results.Results, name: str) -> None:
    """What the file does not tell, on stderr."""
    if name == "moodle" and any((student.score or 0) > export.MOODLE_MAX for student in found.students):
        click.echo("Some marks are over 100: Moodle takes them only with its setting unlimitedgrades.", err=True)
    if name in ("moodle", "canvas"):
        for student in found.students:
            if student.score is None:
                click.echo(f"left out: {told.line(student.student)} ({student.status})", err=True)
            elif export.defused(student.student) != student.student:
                click.echo(f"enter by hand: {student.student!r} would be a formula in a spreadsheet", err=True)
