"""`labkit release`: the exercises, made from their sources: solutions stripped, grade cells put in, no outputs."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from labkit import course, source
from labkit.authoring import lessons
from labkit.authoring.lessons import lesson, lesson_files
from labkit.checking import checks, modules
from labkit.course import answer_cells, completion

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@click.command("release")
@click.option("--check", is_flag=True, help="Write nothing; fail when an exercise is not what its source makes.")
@click.argument("name", required=False, default="", shell_complete=completion.sections_and_labs)
def command(check: bool, name: str) -> None:
    """Make the exercises from their sources: all, one SECTION's, or one SECTION/LAB's."""
    stale = []
    for target, text in _made(name):
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(target.relative_to(course.root())))
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    if check and stale:
        raise click.ClickException(f"Not what the sources make: {', '.join(stale)}. Run `labkit release`.")
    click.echo(f"{len(stale)} exercises written." if stale else "All exercises are what their sources make.")


def _made(name: str) -> Iterator[tuple[Path, str]]:
    """Each notebook of that name with the text that its source makes."""
    for path in source_files(name):
        yield course.root() / "exercises" / path.parent.name / f"{path.stem}.ipynb", exercise(source.read(path))
    for path in lesson_files(name):
        yield path.with_suffix(".ipynb"), lesson(path)


def source_files(name: str = "") -> list[Path]:
    """The sources of all labs, of a section or of one lab. Raises ClickException when there is none of that name."""
    section, _, lab = name.partition("/")
    found = sorted((course.root() / "solutions").glob(f"{section or '*'}/{lab or '*'}.md"))
    if not found:
        raise click.ClickException(
            f"No source solutions/{section or '*'}/{lab or '*'}.md. `ls solutions/*` shows what there is."
        )
    return found


def exercise(lab_source: source.Source) -> str:
    """The exercise's notebook as the text of its file; the same source gives the same text."""
    lab = describe(lab_source)
    cells = list(_cells(lab_source, lab))
    for number, cell in enumerate(cells):
        cell.id = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{number}")
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "lab": lab.metadata()})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _cells(lab_source: source.Source, lab: course.Lab) -> Iterator[Any]:
    for cell in lab_source.cells:
        name = answer_cells.answer_name(cell.source) if cell.cell_type == "code" else None
        cell.metadata = lessons.folded(cell)
        if cell.cell_type == "markdown":
            cell.source = source.without_rules(cell.source)
        if name is None:
            yield cell
            continue
        cell.source = lab_source.stub(name, cell.source)
        cell.metadata["nbgrader"] = _nbgrader(name, solution=True)
        yield cell
        metadata = {
            "nbgrader": _nbgrader(f"check-{name}", points=lab.points[name]),
            "editable": False,
            "deletable": False,
        }
        yield new_code_cell(f"%check {name}", metadata=metadata)


def _nbgrader(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict[str, Any]:
    """nbgrader's metadata of an answer cell, or of a grade cell where there are points (schema 3)."""
    graded = points is not None
    metadata = {"grade_id": grade_id, "schema_version": 3, "task": False}
    metadata |= {"solution": solution, "grade": graded, "locked": graded}
    return metadata | ({"points": points} if graded else {})


def describe(lab_source: source.Source) -> course.Lab:
    """The lab's metadata, with what its checks are worth. Raises CourseError when an answer has no check."""
    front = lab_source.front
    lab = course.Lab(
        section=lab_source.section,
        name=lab_source.name,
        title=front["title"],
        covers=str(front["covers"]),
        minutes=int(front["minutes"]),
        needs=tuple(front["needs"]),
        after=tuple(front["after"]),
        objectives=tuple(front["objectives"]),
        answers=dict(front["answers"]),
        points=dict.fromkeys(front["answers"], 0.0),
        visible=dict.fromkeys(front["answers"], 0.0),
        given=lab_source.stubs(),
    )
    above: dict[str, str] = {}  # the checks so far, and their answers
    for hidden in (False, True):
        for test, check in lab_checks(lab, hidden).items():
            name = check.answer or next(iter(lab.answers))
            if name not in lab.answers:
                raise course.CourseError(f"{lab.key}: {test} names the answer {name!r}, which the lab has not.")
            if unknown := [before for before in check.after if above.get(before) != name]:
                raise course.CourseError(
                    f"{lab.key}: {test} comes after {unknown[0]}, which is no check of {name} above it. Name one that is."
                )
            above[test] = name
            lab.points[name] += check.points
            lab.visible[name] += 0 if hidden else check.points
    worthless = [name for name, worth in lab.points.items() if not worth]
    if worthless:
        raise course.CourseError(f"{lab.key}: no check is about {', '.join(worthless)}. Write one, or drop the answer.")
    return lab


def lab_checks(lab: course.Lab, hidden: bool) -> dict[str, checks.Check]:
    """What the visible or hidden checks of a lab say of themselves, by the tests' names, in their order."""
    path = modules.check_file(lab, hidden)
    modules.import_from(modules.check_file(lab, False).parent)
    spec = importlib.util.spec_from_file_location(f"labkit_release_{path.stem}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise course.CourseError(f"{lab.key} has no {path.relative_to(course.root())}. Write its checks first.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    tests = inspect.getmembers(module, lambda member: inspect.isfunction(member) and member.__module__ == spec.name)
    own = [(name, test) for name, test in tests if name.startswith("test_")]
    own.sort(key=lambda named: named[1].__code__.co_firstlineno)
    return {name: checks.describe(test) for name, test in own}
