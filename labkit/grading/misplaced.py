"""Notebooks that were handed in under another name, in another folder or in an archive: nobody's mark, and nobody's zero, but a line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from labkit.machine import told

ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz")
LOOKED_AT = 1_000  # files of one student


def lab_meant(name: str, labs: Collection[str]) -> str:
    """The lab whose notebook a file seems to be: `Copy of LAB.ipynb`, `LAB (1).ipynb`, `LAB.ipynb.txt`; empty where it is none's."""
    folded = name.casefold()
    return max((lab for lab in labs if lab in folded and ".ipynb" in folded), key=len, default="")


def misplaced(folder: Path, section: str, missing: Collection[str]) -> Iterator[tuple[Path, str]]:
    """The files of a student that seem to be notebooks of the missing labs, each with a line that says what to do. Archives only where there
    is no notebook."""
    is_empty = not any((folder / section).glob("*.ipynb"))
    for path in islice(_files(folder, section), LOOKED_AT):
        where = told.line(str(path.relative_to(folder)), 100)
        if lab := lab_meant(path.name, missing):
            move = "" if path.parent == folder / section else f"move it into {section}/"
            rename = "" if path.name == f"{lab}.ipynb" else f"rename it to {lab}.ipynb"
            yield path, f"{where} looks like {lab}: {' and '.join(filter(None, (move, rename)))}, then grade again"
        elif is_empty and path.suffix.casefold() in ARCHIVES:
            yield path, f"{where} is an archive: unpack it into {section}/, then grade again"


def _files(folder: Path, section: str) -> Iterator[Path]:
    """Ordinary files where somebody may have put a notebook."""
    for pattern in (f"{section}/*", f"{section}/*/*", "*"):
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.is_symlink())
