"""What something replaces of the learner's files is kept first, so that one undo brings it back, and another one what the undo replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from labkit.course import root
from labkit.notebook import progress


class Kept:
    """The files from before the last `what` ("restore", or "reset/91-databases/right-index")."""

    def __init__(self, what: str) -> None:
        self.folder = progress.path().parent / f"before-{what}"

    def begin(self) -> None:
        """Forgets what was kept the last time."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, path: Path) -> None:
        """A copy of a file of the course, if it is there, as it is now."""
        if path.exists():
            copy = self.folder / path.relative_to(root())
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)

    def swap(self) -> int:
        """Puts what is kept back, and keeps what was there instead. Returns how many files: 0 where nothing is kept."""
        files = list(self._files())
        for kept, path in files:
            aside = kept.with_name(f"{kept.name}.aside")
            if path.exists():
                shutil.copy2(path, aside)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(kept, path)
            if aside.exists():
                os.replace(aside, kept)
        return len(files)

    def _files(self) -> Iterator[tuple[Path, Path]]:
        for kept in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            yield kept, root() / kept.relative_to(self.folder)
