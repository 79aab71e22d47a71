"""`labkit course`: a folder that nbgrader takes for a course: exercises as its source, our grading in its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from labkit import course

CONFIGURATION = """\
# Written by `labkit course`. Add your own settings below; they are kept when it is run again.
c = get_config()
load_subconfig({ours!r})
c.CourseDirectory.course_id = {course_id!r}
"""


@click.command("course")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make FOLDER an nbgrader course, or bring one up to date with the exercises."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nbgrader_config.py"
    if not configuration.exists():
        ours = str(course.root() / "graders" / "nbgrader_config.py")
        configuration.write_text(CONFIGURATION.format(ours=ours, course_id=folder.resolve().name), encoding="utf-8")
    sections = sorted({lab.section for lab in course.labs()})
    for section in sections:
        target = folder / "source" / section
        target.mkdir(parents=True, exist_ok=True)
        for lab in course.labs(section):
            shutil.copyfile(course.root() / lab.exercise, target / f"{lab.name}.ipynb")
        nbgrader(folder, "generate_assignment", section, "--force")
        click.echo(f"{section}: {len(course.labs(section))} labs")
    click.echo(
        f"Hand out {folder}/release/, collect into {folder}/submitted/STUDENT/SECTION/, then: cd {folder} && labkit grade SECTION"
    )


def nbgrader(folder: Path, *arguments: str) -> None:
    """Runs nbgrader in the course's folder. Raises ClickException with the end of what it said."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "labkit.quickly", "nbgrader", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise click.ClickException(f"nbgrader {' '.join(arguments)} failed:\n{ran.stderr[-1500:]}")
