"""What the learner has reached: one small file in the course's folder, so that it survives restarts and moves
with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.course import Lab, root

# of one answer: earned, of, when, hints (check -> how many seen), solution (seen or not)
Record = dict[str, Any]
Progress = dict[str, dict[str, Record]]  # lab key -> answer -> record


class ProgressNotKept(UserWarning):
    """The progress could not be read or written; the message says why and what happens now."""


def path() -> Path:
    """Where the file is."""
    return root() / ".labkit" / "progress.json"


def read() -> Progress:
    """All progress; what cannot be understood counts as none."""
    try:
        return _parse(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def record(lab: Lab, answer: str, change: Callable[[Record], None]) -> str:
    """Applies `change` to an answer's record and saves it.

    Returns a line for the learner, usually an empty one.
    """
    from filelock import FileLock

    try:
        path().parent.mkdir(exist_ok=True)
        with FileLock(path().with_suffix(".lock"), timeout=5):
            progress, warning = _read_or_set_aside()
            entry = progress.setdefault(lab.key, {}).setdefault(answer, _new(lab, answer))
            change(entry)
            _write(progress)
            return warning
    except (OSError, TimeoutError) as error:
        return f"Your progress could not be saved ({error}). Your answer was checked all the same."


def earned(points: float, of: float) -> Callable[[Record], None]:
    """A change: the visible checks gave so many points. The best run counts."""

    def change(entry: Record) -> None:
        entry["of"] = of
        if points >= entry["earned"]:
            entry.update(earned=points, when=datetime.now(UTC).isoformat(timespec="seconds"))

    return change


def hint_seen(check: str, count: int) -> Callable[[Record], None]:
    """A change: `count` hints of a check have been seen."""
    return lambda entry: entry["hints"].update({check: max(count, entry["hints"].get(check, 0))})


def solution_seen(entry: Record) -> None:
    """A change: the solution has been shown."""
    entry["solution"] = True


def share(lab: Lab, progress: Progress) -> float:
    """The part of the lab's visible points that has been earned, 0 to 1."""
    of = sum(lab.visible.values())
    got = sum(entry["earned"] for name, entry in progress.get(lab.key, {}).items() if name in lab.visible)
    return min(got / of, 1.0) if of else 0.0


def _new(lab: Lab, answer: str) -> Record:
    return {"earned": 0.0, "of": lab.visible.get(answer, 0.0), "when": "", "hints": {}, "solution": False}


def _parse(text: str) -> Progress:
    """Raises ValueError when the text is no progress."""
    labs = json.loads(text)
    fields = {"earned": (int, float), "of": (int, float), "when": str, "hints": dict, "solution": bool}
    try:
        sound = all(
            isinstance(entry[name], kind)
            for answers in labs.values()
            for entry in answers.values()
            for name, kind in fields.items()
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a record of progress") from error
    if not sound:
        raise ValueError("not a record of progress")
    return labs


def _read_or_set_aside() -> tuple[Progress, str]:
    try:
        return _parse(path().read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return {}, ""
    except ValueError:
        aside = path().with_suffix(".json.bad")
        os.replace(path(), aside)
        return (
            {},
            f"The file of your progress was damaged. It is kept as {aside.name}, and a new one was begun.",
        )


def _write(progress: Progress) -> None:
    """In one step, so that a kernel that dies in the middle leaves the old file."""
    new = path().with_suffix(".json.new")
    new.write_text(json.dumps(progress, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(new, path())
