"""Databases as files of SQLite, copied from a template that is made once and kept between runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from .places import Storage

# The data can be made again, so nothing waits for the disk.
PRAGMAS = ("PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF")


class SqliteStorage(Storage):
    """Each database is a file of `folder`; `template` is the file that they are copied from."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder, self._template = folder, template
        self.uri = f"sqlite:///{template}"
        self._made = template  # where it is while it is made

    def prepare(self) -> None:
        """Makes the template under another name, and renames it when it is complete: others may make it at the same time."""
        if self._template.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        self._made = self._template.with_suffix(f".{os.getpid()}")
        self._made.unlink(missing_ok=True)
        try:
            SqlAlchemyStore(self.uri, "mlflow-artifacts:/").engine.dispose()  # migrates, and makes the first experiment
            self._made.rename(self._template)
        finally:
            self._made.unlink(missing_ok=True)
            self._made = self._template

    def connect(self, name: str, positional: list[Any], named: dict[str, Any]) -> sqlite3.Connection:
        mode = "rw" if name else "rwc"  # one that is gone is not made anew, empty
        connection = sqlite3.connect(
            f"{(self._file(name) if name else self._made).as_uri()}?mode={mode}", **{**named, "uri": True}
        )
        for pragma in PRAGMAS:
            connection.execute(pragma)
        return connection

    def copy(self, name: str) -> None:
        shutil.copyfile(self._template, self._file(name))

    def remove(self, name: str) -> None:
        for path in (self._file(name), self._file(name).with_suffix(".db-journal")):
            path.unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        self._file(old).rename(self._file(new))

    def size(self, name: str) -> int:
        with suppress(OSError):
            return self._file(name).stat().st_size
        return 0

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"
