"""`labkit report`: one page that tells an examiner how the grading of a section went."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from labkit import course
from labkit.course import completion
from labkit.gradebook import report, results


@click.command("report")
@click.argument("section", shell_complete=completion.sections)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page's file; report-SECTION.html without it.",
)
@click.option("--anonymous", is_flag=True, help="Numbers instead of names.")
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
def command(section: str, output: Path | None, anonymous: bool, folder: Path) -> None:
    """Write a page about the grading of SECTION: marks, checks, wrong answers, who is missing. It needs no network."""
    section = course.section(section)  # and the course, found from where we are now
    with contextlib.chdir(folder):
        found = results.read(section)
    output = output or Path(f"report-{section}.html")
    output.write_text(report.html(found, anonymous=anonymous), encoding="utf-8", errors="backslashreplace")
    missing = [student for student in found.students if student.status == "missing"]
    click.echo(f"{output}: {len(found.students)} students, {len(missing)} of them missing")
