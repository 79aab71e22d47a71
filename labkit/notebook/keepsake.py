"""The learner's work in one small file: answers, points, hints seen. It goes to another machine, and into a newer version of the course.

Restoring never loses anything: what it replaces is kept, and one undo brings it back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from labkit import course
from labkit.course import CourseError, Lab, notebook_file
from labkit.notebook import progress
from labkit.notebook.exercise_file import ExerciseFile
from labkit.notebook.kept import Kept
from labkit.pages.page import plural

FORMAT = "labkit work 1"
MAX_BYTES = 2_000_000  # of such a file; a whole course has some 50 kB
AGAIN = "Take a file that `labkit save` or the map's button has made."
KEPT = partial(Kept, "restore")
Answers = dict[str, dict[str, str]]  # lab key -> answer -> its text


@dataclass
class Restored:
    """What came of it: how many answers were brought back, and a line for whatever did not fit."""

    answers: int = 0
    lines: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """The same, in lines."""
        back = f"{plural(self.answers, 'answer')} brought back." if self.answers else "Every answer was there already."
        return [back, *self.lines]


def name() -> str:
    """How a new file is called."""
    return f"my-work-{datetime.now():%Y-%m-%d-%H%M}.json"


def save() -> bytes:
    """All work in the saved notebooks. An answer that is still as it was given is left out."""
    answers = {lab.key: begun for lab in course.labs() if (begun := _begun(lab))}
    stamp = datetime.now().astimezone().isoformat(timespec="seconds")
    work = {"format": FORMAT, "saved": stamp, "answers": answers, "progress": progress.read()}
    return json.dumps(work, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8", "replace")


def restore(data: bytes) -> Restored:
    """Brings the work of such a file back. Raises CourseError where it is none; then nothing was changed."""
    answers, reached = _read(data)
    known = {lab.key: lab for lab in course.labs()}
    done = Restored()
    KEPT().begin()
    KEPT().keep(progress.path())
    for key, texts in answers.items():
        if key in known:
            _restore_lab(known[key], texts, done)
        else:
            done.lines.append(f"{key} is no lab of this course; its answers stay in the file.")
    fits = {key: found for key, found in reached.items() if key in known}
    if fits and (warning := progress.merge(fits)):
        done.lines.append(warning)
    return done


def undo() -> int:
    """Brings back what the last restore replaced; once more, what that replaced. Returns how many files: none where there is nothing to take back."""
    return KEPT().swap()


def _begun(lab: Lab) -> dict[str, str]:
    try:
        return ExerciseFile(lab).begun()
    except notebook_file.BadSubmission:
        return {}


def _read(data: bytes) -> tuple[Answers, progress.Progress]:
    """Answers and progress. Raises CourseError with what is wrong, and the next step."""
    if len(data) > MAX_BYTES:
        raise CourseError(f"This file is over {MAX_BYTES // 1_000_000} MB, and no saved work is. {AGAIN}")
    try:
        work = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CourseError(f"This file is no saved work ({error}). {AGAIN}") from error
    if not isinstance(work, dict) or work.get("format") != FORMAT:
        raise CourseError(f"This file is no saved work. {AGAIN}")
    answers = work.get("answers")
    if not isinstance(answers, dict) or not all(map(_is_texts, answers.values())):
        raise CourseError(f"The answers in this file are damaged. {AGAIN}")
    try:
        return answers, progress.parse(json.dumps(work.get("progress", {})))
    except ValueError as error:
        raise CourseError(f"The progress in this file is damaged. {AGAIN}") from error


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _restore_lab(lab: Lab, texts: dict[str, str], done: Restored) -> None:
    try:
        exercise = ExerciseFile(lab)
    except notebook_file.BadSubmission as error:
        done.lines.append(f"{lab.title}: not brought back. {error}")
        return
    changed = 0
    for answer, text in texts.items():
        if answer not in exercise.answers:
            done.lines.append(f"{lab.title}: there is no cell for the answer {answer}; it stays in the file.")
        elif text != exercise.answers[answer]:
            exercise.put(answer, text)
            changed += 1
    if changed:
        KEPT().keep(exercise.path)
        exercise.save()
    done.answers += changed
