"""The static site: lessons with their outputs, labs as they are given, search and a glossary. `make site` builds it.

    python -m labkit.authoring.site [--run SECTION]… [FOLDER]

Sphinx, MyST-NB and the book theme have an environment of their own, from the lock in `site_files`. SITE_REPOSITORY, the address of the
course's repository, adds a button to each page that opens it on Binder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any

import click
import nbformat

from labkit import course
from labkit.authoring.lessons import lesson_files

FILES = Path(str(resources.files("labkit.authoring").joinpath("site_files")))
NOT_INSTALLED = "Sphinx and its theme could not be installed"
PATIENCE = 600  # seconds for a cell of a lesson
WORDS = """\
# Backend and ML engineering in production

Five topics that engineers meet in production, each on the real thing. Read the lessons here, with what their cells print; to work on a lab,
open its notebook in the course, where a service runs your answer and tells you at once what is right and why not.

"""


@click.command("site")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("build/site"))
@click.option(
    "--run", "runs", multiple=True, default=tuple(course.SECTIONS), help="Run the lesson of this section only."
)
def command(folder: Path, runs: tuple[str, ...]) -> None:
    """Build the static site in FOLDER; its lessons are run first, each takes up to a minute."""
    programs = environment()
    with tempfile.TemporaryDirectory() as place:
        lay_out(Path(place), runs)
        click.echo("Sphinx writes the pages.")
        done = subprocess.run([programs / "sphinx-build", "-q", "-W", "--keep-going", "-b", "html", place, folder])
    if done.returncode:
        raise click.ClickException("Sphinx stopped, or found what is wrong: its lines are above.")
    click.echo(f"The site is in {folder}: open {folder}/index.html, or serve the folder.")


def lay_out(place: Path, runs: Collection[str]) -> None:
    """The pages' sources, in folders as the course has them: what a lesson links to is where its link says."""
    shutil.copy(FILES / "conf.py", place)
    shutil.copy(FILES / "glossary.md", place)
    (place / "_static").mkdir()
    for name in ("site.css", "site.js"):
        shutil.copy(FILES / name, place / "_static")
    (place / "index.md").write_text(
        WORDS + "".join(_of_section(name) for name in course.SECTIONS) + _toctree("Words", ["glossary"]),
        encoding="utf-8",
    )
    for path in lesson_files():
        _write(place, read_lesson(path.with_suffix(".ipynb"), run=path.stem in runs), path.with_suffix(".ipynb"))
    for lab in course.labs():
        _write(place, read_lab(lab), course.root() / lab.exercise)


def read_lesson(path: Path, *, run: bool) -> nbformat.NotebookNode:
    """A lesson, run where that is asked for; the code of its pictures is folded. Raises CellExecutionError."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    if run:
        click.echo(f"The lesson {path.stem} runs.")
        NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(path.parent)}}).execute()
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = ["hide-input"]
    notebook.metadata.pop("widgets", None)  # buttons need a kernel
    return notebook


def read_lab(lab: course.Lab) -> nbformat.NotebookNode:
    """A lab as it is given, without the cell that brings up its service."""
    notebook = nbformat.read(course.root() / lab.exercise, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith("%load_ext labkit")]
    return notebook


def environment() -> Path:
    """The programs of the site's own environment, which is made or brought up to date first. Raises ClickException without a package index."""
    home = Path(sys.prefix, "site")
    uv = shutil.which("uv") or str(Path(sys.prefix, "bin", "uv"))
    commands = [[uv, "pip", "sync", "--quiet", "--python", home / "bin" / "python", FILES / "requirements.lock"]]
    if not (home / "bin" / "python").exists():
        click.echo("Installing Sphinx and its theme (90 MB, only the first time).")
        commands.insert(0, [uv, "venv", "--quiet", "--python", sys.executable, home])
    for arguments in commands:
        done = subprocess.run(arguments, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise click.ClickException(
                f"{NOT_INSTALLED}. It needs a package index: see that one is reached, and run this again.\n{done.stderr}"
            )
    return home / "bin"


def _of_section(name: str) -> str:
    """A section's part of the first page: its labs in a table, and its place in the side bar."""
    labs = course.labs(name)
    rows = "".join(f"| [{lab.title}]({lab.exercise.as_posix()}) | {lab.covers} | {lab.minutes} |\n" for lab in labs)
    title = f"{name[0]}.{name[1]} {course.SECTIONS[name]}"
    head = f"## {title}\n\n[The lesson](notebooks/{name}.ipynb)\n\n| lab | part | minutes |\n|---|---|---|\n"
    pages = [f"notebooks/{name}", *(lab.exercise.with_suffix("").as_posix() for lab in labs)]
    return f"{head}{rows}\n{_toctree(title, pages)}"


def _toctree(caption: str, pages: list[str]) -> str:
    return f":::{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n:::\n\n"


def _write(place: Path, notebook: Any, path: Path) -> None:
    """A page's source at the same place as in the course."""
    target = place / path.relative_to(course.root())
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    command()
