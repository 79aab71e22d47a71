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

from labkit.course import Lab, hidden, root

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
        return parse(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def record(lab: Lab, answer: str, change: Callable[[Record], None]) -> str:
    """Applies `change` to an answer's record and saves it.

    Returns a line for the learner, usually an empty one.
    """
    return _save(
        lambda progress: change(progress.setdefault(lab.key, {}).setdefault(answer, _new(lab, answer))),
        "Your progress could not be saved ({}). Your answer was checked all the same.",
    )


def merge(others: Progress) -> str:
    """Adds what was reached elsewhere: of each answer the best run counts, and all that was seen.

    Returns a line for the learner, usually an empty one.
    """

    def change(mine: Progress) -> None:
        for key, answers in others.items():
            for answer, theirs in answers.items():
                ours = mine.setdefault(key, {}).setdefault(answer, theirs)
                mine[key][answer] = _best_of(ours, theirs)

    return _save(change, "What you had reached could not be brought back ({}). Your answers were.")


def earned(points: float, of: float) -> Callable[[Record], None]:
    """A change: the checks gave so many points. The best run counts."""

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
    """The part of the points that can be earned here that has been earned, 0 to 1."""
    of = sum(hidden.points(lab).values())
    got = sum(entry["earned"] for name, entry in progress.get(lab.key, {}).items() if name in lab.visible)
    return min(got / of, 1.0) if of else 0.0


def _new(lab: Lab, answer: str) -> Record:
    return {"earned": 0.0, "of": hidden.points(lab).get(answer, 0.0), "when": "", "hints": {}, "solution": False}


def _best_of(ours: Record, theirs: Record) -> Record:
    best = max(ours, theirs, key=lambda entry: entry["earned"])
    checks = {**ours["hints"], **theirs["hints"]}
    hints = {check: max(entry["hints"].get(check, 0) for entry in (ours, theirs)) for check in checks}
    return {**best, "hints": hints, "solution": ours["solution"] or theirs["solution"]}


def parse(text: str) -> Progress:
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


def _save(change: Callable[[Progress], None], lost: str) -> str:
    """Applies `change` to all progress and saves it, while no other kernel does. Returns a line: `lost`, with the reason, where it cannot."""
    from filelock import FileLock

    try:
        path().parent.mkdir(exist_ok=True)
        with FileLock(path().with_suffix(".lock"), timeout=5):
            progress, warning = _read_or_set_aside()
            change(progress)
            write(path(), json.dumps(progress, indent=1, sort_keys=True))
            return warning
    except (OSError, TimeoutError) as error:
        return lost.format(error)


def _read_or_set_aside() -> tuple[Progress, str]:
    try:
        return parse(path().read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return {}, ""
    except ValueError:
        aside = path().with_suffix(".json.bad")
        os.replace(path(), aside)
        return (
            {},
            f"The file of your progress was damaged. It is kept as {aside.name}, and a new one was begun.",
        )


def write(file: Path, text: str) -> None:
    """In one step, so that a kernel that dies in the middle leaves the old file, and who reads it meanwhile sees the old one or the new one."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)
