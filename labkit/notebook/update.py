"""A newer course beside started work: what was begun stays as it is, all else becomes new, and what is replaced can be had back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit import course
from labkit.course import CourseError, Lab, notebook_file
from labkit.notebook import progress
from labkit.notebook.exercise_file import ExerciseFile
from labkit.notebook.kept import Kept
from labkit.pages.page import plural

NOT_THE_COURSE = {".git", ".venv", ".labkit", "build", "__pycache__", ".ipynb_checkpoints", "gradebook.db"}


@dataclass
class Updated:
    """What came of it: how many files are new or other ones, and a line for each lab that stays."""

    files: int = 0
    lines: list[str] = field(default_factory=list)


def kept() -> Kept:
    """What the last update, or the last lab taken from it, replaced."""
    return Kept("update")


def update(newer: Path) -> Updated:
    """Brings the files of the course in `newer` here. Raises CourseError where there is no course in it."""
    if not ((newer / "exercises").is_dir() and (newer / "graders").is_dir()):
        raise CourseError(f"{newer} has no exercises/ and graders/. Name the folder of a newer copy of the course.")
    begun = {lab.exercise: lab for lab in course.labs() if _is_begun(lab)}
    kept().begin()
    shutil.rmtree(_newer_folder(), ignore_errors=True)
    done = Updated()
    for name in _files(newer):
        source, target = newer / name, course.root() / name
        if _is_same(source, target):
            continue
        if name in begun:
            _put_aside(source, name)
            done.lines.append(_what_is_new(begun[name], source))
            continue
        kept().keep(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        shutil.copy2(source, target, follow_symlinks=False)
        done.files += 1
    return done


def take(lab: Lab) -> list[str]:
    """The newer notebook of a lab that had stayed, with the answers in it. Returns lines. Raises CourseError, BadSubmission."""
    newer = _newer_folder() / lab.exercise
    if not newer.exists():
        raise CourseError(f"{lab.key} is as new as the course. `labkit update` says which labs stayed as they were.")
    mine = ExerciseFile(lab).begun()
    before = kept()
    before.begin()
    before.keep(course.root() / lab.exercise)
    shutil.copy2(newer, course.root() / lab.exercise)
    newer.unlink()
    fresh = ExerciseFile(course.find(lab.key))
    fitting = {name: text for name, text in mine.items() if name in fresh.answers}
    for name, text in fitting.items():
        fresh.put(name, text)
    fresh.save()
    lines = [f"{fresh.lab.title} is the new one, with {plural(len(fitting), 'answer')} of yours in it."]
    return lines + [
        f"It has no answer {name} any more; yours is in what --undo brings back."
        for name in mine.keys() - fitting.keys()
    ]


def _is_begun(lab: Lab) -> bool:
    try:
        return bool(ExerciseFile(lab).begun())
    except notebook_file.BadSubmission:
        return True  # whatever is in it is the learner's


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if (path.is_file() or path.is_symlink()) and not NOT_THE_COURSE & set(name.parts):
            yield name


def _is_same(source: Path, target: Path) -> bool:
    if source.is_symlink() or target.is_symlink():
        return source.is_symlink() and target.is_symlink() and source.readlink() == target.readlink()
    return target.is_file() and source.read_bytes() == target.read_bytes()


def _newer_folder() -> Path:
    return progress.path().parent / "newer"


def _put_aside(source: Path, name: Path) -> None:
    copy = _newer_folder() / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, copy)


def _what_is_new(lab: Lab, source: Path) -> str:
    """A line about a lab that stays: what is in its newer notebook and not in this one."""
    stays = f"{lab.title} ({lab.key}): you have begun it, so its notebook stays."
    how = f"To have the new one with your answers in it: labkit update --take {lab.key}"
    try:
        mine, theirs = notebook_file.parse(course.root() / lab.exercise), notebook_file.parse(source)
        news = _news(lab, mine, theirs)
    except notebook_file.BadSubmission:
        return f"{stays} {how}"
    return (
        f"{stays} New in it: {', '.join(news)}. {how}" if news else f"{stays} Nothing that you read in it is new. {how}"
    )


def _news(lab: Lab, mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    answers = Lab.from_metadata(theirs["metadata"]["lab"]).answers
    news = [f"the answer {name}" for name in answers if name not in lab.answers]
    news += [f"no answer {name} any more" for name in lab.answers if name not in answers]
    for kind, word in (("markdown", "text"), (notebook_file.CODE, "cell")):
        if new := _texts(theirs, kind) - _texts(mine, kind):
            news.append(plural(len(new), word))
    return news


def _texts(notebook: dict[str, Any], kind: str) -> set[str]:
    cells, _ = notebook_file.cells(notebook)
    return {cell.text for cell in cells if cell.kind == kind and not cell.text.startswith("%%answer")}
