"""Who handed in something, by the folders in `submitted/`, and which names may be a student's."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from labkit.course.submission import SUBMITTED
from labkit.machine import told

# A folder's name that no program takes for anything else: nbgrader and the shell read [*?] as patterns, and a dash as an option.
STUDENT = re.compile(r"[^\W_][^/\\\x00-\x1f*?\[\]{}]{0,99}")


@dataclass
class Folders:
    """What lies in `submitted/`: students with something of a section, what is wrong with other folders, and what is only to be known."""

    students: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # students with no notebook where one should be
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def is_student(name: str) -> bool:
    """Whether it may be the name of a student's folder: no path, nothing hidden, no pattern, nothing that cannot be seen or written."""
    return bool(STUDENT.fullmatch(name)) and name == name.strip() and name == told.line(name)


def normal(name: str) -> str:
    """One spelling of a name: a letter and its accent may be one character or two."""
    return unicodedata.normalize("NFC", name)


def handed_in(section: str, pattern: str = "*") -> Folders:
    """The folders of `submitted/` that `pattern` matches, in order of their names."""
    found = Folders()
    for folder in sorted(SUBMITTED.glob(pattern)):
        name = folder.name
        if name.startswith(".") or not (folder.is_dir() or folder.is_symlink()):
            continue  # what a file manager left
        if not is_student(name):
            shown = told.line(os.fsencode(name).decode("utf-8", "backslashreplace"))
            found.wrong.append(
                f"{SUBMITTED}/{shown}: this cannot be a student's name here. Rename the folder, then grade again."
            )
        elif not any((folder / section).glob("*.ipynb")):
            found.empty.append(name)
        else:
            found.students.append(name)
    found.remarks += _alike(found.students)
    return found


def _alike(names: list[str]) -> list[str]:
    """Names that look the same."""
    seen: dict[str, str] = {}
    lines = []
    for name in names:
        other = seen.setdefault(normal(name), name)
        if other != name:
            lines.append(
                f"{name}: there are two folders of this name, spelled with other characters; each is a student"
            )
    return lines


def folder_of(student: str, section: str) -> Path:
    """Where a student's notebooks of a section lie."""
    return SUBMITTED / student / section
