"""Verdicts that were reached already, kept by what they depend on: answers, checks, data and the engine itself."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from functools import cache
from pathlib import Path

from labkit import course
from labkit.checking import modules
from labkit.course.verdict import Verdict, any_unsafe
from labkit.sandbox import is_unsafe

STORE = Path(".labkit", "verdicts")  # in the nbgrader course's folder, where nbgrader works while it converts

# The code that a verdict depends on: what the checker process runs. Commands, feedback and reports only tell of it.
JUDGES = ("checking/*.py", "kinds/**/*.py", "sandbox/**/*.py", "services/**/*.py")


class VerdictStore:
    """A folder with one small file for each student's set of answers. Two graders may write it at once.

    Equal answers of two students have a verdict each: one that is right by chance must not lend its luck to another.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(
        self, lab: course.Lab, answers: dict[str, str], *, student: str = "", unsafe: bool = False
    ) -> list[Verdict] | None:
        """The verdicts on this student's answers, or None when they were not reached yet, or the checks have changed since.

        Those that were reached without a sandbox are given only to who asks for them, or does without one, too.
        """
        for whose in (student, ""):  # nobody's are those that a tool put there, for any student
            try:
                data = json.loads(self._path(lab, answers, whose).read_text(encoding="utf-8"))
                verdicts = [Verdict.from_json(verdict) for verdict in data]
            except (
                OSError,
                ValueError,
                TypeError,
                LookupError,
                AttributeError,
            ):  # also what a full disk or an editor left
                continue
            if not verdicts:
                continue
            return verdicts if unsafe or is_unsafe() or not any_unsafe(verdicts) else None
        return None

    def put(self, lab: course.Lab, answers: dict[str, str], verdicts: list[Verdict], *, student: str = "") -> None:
        """Keeps the verdicts, at once or not at all. Those that are the course's fault are not kept."""
        if any(verdict.outcome in ("fault", "unverified") for verdict in verdicts):
            return
        path = self._path(lab, answers, student)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            new.write_text(json.dumps([verdict.to_json() for verdict in verdicts]), encoding="utf-8")
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)

    def _path(self, lab: course.Lab, answers: dict[str, str], student: str) -> Path:
        key = hashlib.sha256(json.dumps([checks_key(lab), answers, student], sort_keys=True).encode()).hexdigest()
        return self.folder / lab.name / key[:2] / f"{key}.json"


def checks_key(lab: course.Lab) -> str:
    """A hash of all that judges a lab's answers: its checks and data, and the engine's own code."""
    return _checks_key(lab.section, lab.name)


@cache
def _checks_key(section: str, name: str) -> str:
    lab = course.find(f"{section}/{name}")
    visible = modules.check_file(lab, False)
    hidden = modules.check_file(lab, True).parent
    library = Path(__file__).resolve().parents[1]
    files = [visible, *visible.parent.glob(f"{name}.*"), *visible.parent.glob(f"{name}/**/*"), *hidden.rglob("*")]
    files = [file for file in files if not {"wrong", "right", "__pycache__"} & set(file.parts)]
    files += [file for pattern in JUDGES for file in library.glob(pattern)]
    digest = hashlib.sha256()
    for file in sorted(files):
        if file.is_file():
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
