"""`labkit course`: a folder that nbgrader takes for a course: exercises as its source, our grading in its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from labkit import course
from labkit.gradebook import place

CONFIGURATION = """\
# Written by `labkit course`. Add your own settings below; they are kept when it is run again.
c = get_config()
load_subconfig({ours!r})
c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = __file__.rpartition("/")[0]  # a setting in your own Jupyter folder may name another course
"""


@click.command("course")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("labs", nargs=-1)
def command(folder: Path, labs: tuple[str, ...]) -> None:
    """Make FOLDER an nbgrader course of all LABS, or of those named: for an exam. One that is there is brought up to date with the
    exercises, and LABS are added; what it has stays as it is, for a lab that nobody handed in counts as 0.
    """
    try:
        named = [course.find(name) for name in labs]
    except course.CourseError as error:
        raise click.ClickException(str(error)) from error
    before = [lab for lab in course.labs() if _place(folder, lab).exists()]
    wanted = {lab.key: lab for lab in [*before, *named] or course.labs()}
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nbgrader_config.py"
    if not configuration.exists():
        ours = str(course.root() / "graders" / "nbgrader_config.py")
        configuration.write_text(CONFIGURATION.format(ours=ours, course_id=folder.resolve().name), encoding="utf-8")
    for section in sorted({lab.section for lab in wanted.values()}):
        count = _bring_up_to_date(folder, section, [lab for lab in wanted.values() if lab.section == section])
        click.echo(f"{section}: {count} lab{'s' * (count != 1)}")
    click.echo(
        f"Hand out {folder}/release/, collect into {folder}/submitted/STUDENT/SECTION/, then: cd {folder} && labkit grade SECTION"
    )


def _place(folder: Path, lab: course.Lab) -> Path:
    return folder / "source" / lab.section / f"{lab.name}.ipynb"


def _bring_up_to_date(folder: Path, section: str, labs: list[course.Lab]) -> int:
    """Copies the exercises and has nbgrader take note of them. Returns how many they are."""
    for lab in labs:
        _place(folder, lab).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(course.root() / lab.exercise, _place(folder, lab))
    nbgrader(folder, "generate_assignment", section, "--force")
    return len(labs)


def nbgrader(folder: Path, *arguments: str) -> None:
    """Runs nbgrader in the course's folder. Raises ClickException with the end of what it said."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "labkit.quickly", "nbgrader", *arguments, place.root(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise click.ClickException(f"nbgrader {' '.join(arguments)} failed:\n{ran.stderr[-1500:]}")
