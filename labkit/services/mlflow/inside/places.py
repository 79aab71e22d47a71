"""The places of one server: each has a database of its own, copied from a migrated template, and a folder for artifacts."""

from __future__ import annotations

import hmac
import re
import shutil
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = re.compile(r"[a-z0-9_]{1,48}")
KEY = re.compile(r"[0-9a-f]{32,64}")
BLOCK = 4096  # bytes: an empty file, too, takes a place on the disk
LOOK = 1.0  # seconds for which a place's size is remembered
BEFORE = "_before"  # after the name of what an undoable reset put away


class Refused(Exception):
    """What was asked of the places cannot be done; the message says why."""


@dataclass
class Place:
    """One lab's, or one answer's: `key` is what opens it, `limit` how many bytes its database and artifacts may have."""

    name: str
    key: str
    limit: int
    artifacts: Path
    storage: Storage = field(repr=False)
    _size: int = 0
    _looked: float = 0.0

    def connect(self, positional: list[Any], named: dict[str, Any]) -> Any:
        """A connection that leads here; the arguments are those of the driver's `connect`."""
        return self.storage.connect(self.name, positional, named)

    def room(self) -> int:
        """How many bytes may still be written."""
        if time.monotonic() - self._looked > LOOK:
            self._size, self._looked = self.storage.size(self.name) + size_of(self.artifacts), time.monotonic()
        return self.limit - self._size

    def grew(self, size: int) -> None:
        """Counts what was just written, until the next look."""
        self._size += size


class Storage(ABC):
    """Where the databases are: files of SQLite, or Postgres."""

    uri: str  # of the template, for SQLAlchemy: what MLflow believes to be its database

    @abstractmethod
    def connect(self, name: str, positional: list[Any], named: dict[str, Any]) -> Any:
        """The driver's connection to this database, with its other arguments; "" is the template's."""

    @abstractmethod
    def copy(self, name: str) -> None:
        """A new database, as the template is."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a database, if there is one; whoever is connected is not any more."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Gives a database another name."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a database."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes the template, where there is none of this version."""


class Places:
    """The places that there are. Every change is made by one thread at a time."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage, self._folder = storage, folder
        self._places: dict[str, Place] = {}
        self._undoable: set[str] = set()
        self._lock = threading.Lock()

    def by_key(self, key: str) -> Place | None:
        """The place that this key opens."""
        found = None
        for place in list(self._places.values()):
            if hmac.compare_digest(place.key, key):
                found = place
        return found

    def names(self) -> list[str]:
        """Of all places that there are."""
        return sorted(self._places)

    def make(self, name: str, key: str, limit: int) -> None:
        """A new place. Raises Refused where there is one of that name."""
        if not NAME.fullmatch(name) or not KEY.fullmatch(key):
            raise Refused(f"{name!r} is no name of a place, or its key is none.")
        with self._lock:
            if name in self._places:
                raise Refused(f"There is a place {name} already.")
            self._fill(Place(name, key, limit, self._artifacts(name), self.storage))

    def reset(self, name: str, key: str, limit: int, undoable: bool) -> None:
        """As new, with the same key; also where it is gone."""
        with self._lock:
            self._forget_before(name)
            if undoable and name in self._places:
                self.storage.rename(name, name + BEFORE)
                self._artifacts(name).rename(self._artifacts(name + BEFORE))
                self._undoable.add(name)
            else:
                self._remove(name)
            self._fill(Place(name, key, limit, self._artifacts(name), self.storage))

    def undo_reset(self, name: str) -> bool:
        """Back to what it was before the last undoable reset. Returns whether there was one."""
        with self._lock:
            if name not in self._undoable or name not in self._places:
                return False
            self._remove(name, keep=True)
            self.storage.rename(name + BEFORE, name)
            self._artifacts(name + BEFORE).rename(self._artifacts(name))
            self._undoable.discard(name)
            return True

    def drop(self, name: str) -> None:
        """Removes a place, if there is one, and what a reset put away."""
        with self._lock:
            self._forget_before(name)
            self._remove(name)

    def get(self, name: str) -> Place:
        """The place of this name. Raises Refused."""
        try:
            return self._places[name]
        except KeyError:
            raise Refused(f"There is no place {name}.") from None

    def _artifacts(self, name: str) -> Path:
        return self._folder / name

    def _fill(self, place: Place) -> None:
        self.storage.copy(place.name)
        place.artifacts.mkdir(parents=True, mode=0o700)
        self._places[place.name] = place

    def _remove(self, name: str, keep: bool = False) -> None:
        if not keep:
            self._places.pop(name, None)
        self.storage.remove(name)
        shutil.rmtree(self._artifacts(name), ignore_errors=True)

    def _forget_before(self, name: str) -> None:
        if name in self._undoable:
            self._undoable.discard(name)
            self.storage.remove(name + BEFORE)
            shutil.rmtree(self._artifacts(name + BEFORE), ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of all files below, each rounded up to blocks; of those that go meanwhile, none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += -(-max(path.lstat().st_size, 1) // BLOCK) * BLOCK
        except OSError:
            continue
    return total
