"""Who is who in an LMS export: names of files have a display name, which two people may share, and a number, which they do not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

KNOWN = Path(".labkit", "lms-numbers.json")  # in the nbgrader course's folder: student -> lab -> number
NUMBER = re.compile(r"\d+")


class Named(NamedTuple):
    """What a file's name says: whose, of which lab, and the number in what does not matter besides; empty where there is none."""

    name: str
    lab: str
    number: str


def _known() -> dict[str, dict[str, str]]:
    """What was noted; nothing where it cannot be understood."""
    try:
        known = json.loads(KNOWN.read_text(encoding="utf-8"))
        return {student: dict(numbers.items()) for student, numbers in known.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def number_in(texts: Iterable[str]) -> str:
    """The first number in what stands between name and lab: Moodle has a participant's there, Canvas a user's."""
    found = (NUMBER.search(text) for text in texts)
    return next((match[0] for match in found if match), "")


class Names:
    """Gives each person a student's name of their own, and the same one when another export brings more of them."""

    def __init__(self, files: Iterable[Named]) -> None:
        self.files = list(files)
        self.known = _known()
        self._students = {key: self._student(*key) for key in sorted({(file.name, file.number) for file in self.files})}

    def student(self, file: Named) -> str:
        """Whose it is."""
        return self._students[file.name, file.number]

    def remarks(self) -> Iterator[str]:
        """A line for each name that several people have."""
        for name in sorted({file.name for file in self.files}):
            students = sorted({student for (of, _), student in self._students.items() if of == name})
            if students != [name]:
                yield f"{name}: there are several people of this name; by the numbers in the files' names they are {', '.join(students)}"

    def keep(self) -> None:
        """Notes them, for the next export."""
        for file in self.files:
            if file.number:
                self.known.setdefault(self.student(file), {})[file.lab] = file.number
        KNOWN.parent.mkdir(exist_ok=True)
        new = KNOWN.with_suffix(".new")
        new.write_text(json.dumps(self.known, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(new, KNOWN)

    def _student(self, name: str, number: str) -> str:
        if not number:
            return name
        apart = f"{name}-{number}"
        for known in (name, apart):
            if number in self.known.get(known, {}).values():
                return known
        here = {file.number for file in self.files if file.name == name}
        labs = {file.lab for file in self.files if (file.name, file.number) == (name, number)}
        # Another number for a lab that this name has handed in is another person's. For another lab it may be the same one's: Moodle
        # numbers the participants of each assignment anew.
        taken = any(lab in self.known.get(name, {}) for lab in labs)
        return apart if len(here) > 1 or taken else name
