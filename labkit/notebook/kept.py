"""What something replaces of the learner's files is kept first, so that one undo brings it back, and another one what the undo replaced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labkit.course import root
from labkit.notebook import progress

ABSENT = ".was-not-there"


class Kept:
    """The files from before the last `what` ("restore", or "reset/91-databases/right-index")."""

    def __init__(self, what: str) -> None:
        self.folder = progress.path().parent / f"before-{what}"

    def begin(self) -> None:
        """Forgets what was kept the last time."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, path: Path) -> None:
        """A copy of a file of the course as it is now; where there is none, that there is none."""
        copy = self.folder / path.relative_to(root())
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            shutil.copy2(path, copy)
        else:
            _absent(copy).touch()

    def swap(self) -> int:
        """Puts what is kept back, and keeps what was there instead. Returns how many files: 0 where nothing is kept."""
        copies = sorted({self._copy(found) for found in self.folder.rglob("*") if found.is_file()})
        pairs = [(copy, root() / copy.relative_to(self.folder)) for copy in copies]
        pairs = [(copy, path) for copy, path in pairs if copy.exists() or path.exists()]
        for copy, path in pairs:
            aside = copy.with_name(f"{copy.name}.aside")
            path.parent.mkdir(parents=True, exist_ok=True)
            if is_there := path.exists():
                shutil.copy2(path, aside)
            if copy.exists():
                os.replace(copy, path)
            else:
                _absent(copy).unlink()
                path.unlink(missing_ok=True)
            if is_there:
                os.replace(aside, copy)
            else:
                _absent(copy).touch()
        return len(pairs)

    @staticmethod
    def _copy(found: Path) -> Path:
        return found.with_name(found.name.removesuffix(ABSENT))


def _absent(copy: Path) -> Path:
    return copy.with_name(copy.name + ABSENT)
