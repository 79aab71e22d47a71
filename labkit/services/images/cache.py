"""The build cache of a server and of its places: told from everybody else's by what it was built on.

A server has a root for each image that is offered: that image with a layer of its own. Each place builds on the root with one more
layer, so no step of it is ever taken from another place's cache, and all records of all places descend from the roots. Cache mounts
carry the place's name. So what the course left in the engine's build cache is found, and nothing else is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.services.images.engine import Engine
from labkit.services.images.limits import MB
from labkit.services.images.progress import Step

ROOT = "labkit-root-of"  # in the command of the step that makes a root
MARK = "labkit-cache-of"  # in that of a step on top of it, by which the root's own record is found
PLACE = "labkit-base-of"  # in that of the step that makes a place's base image
CAP_MB = 4096  # of a server's whole build cache, beyond which what was not used lately goes
LATELY = timedelta(minutes=20)
WRITTEN_WITHIN = timedelta(seconds=2)


def root(server: str, image: str) -> str:
    """The Dockerfile of a server's root image."""
    return f"FROM {image}\nRUN echo {server} > /etc/labkit-place; : {ROOT} {server}\n"


def mark(server: str, image: str) -> str:
    """A Dockerfile by which the records that descend from a root are found."""
    return f"FROM {image}\nRUN : {MARK} {server}\n"


def own_base(place: str, image: str) -> str:
    """The Dockerfile of a place's base image, on a root."""
    return f"FROM {image}\nRUN echo {place} > /etc/labkit-place; : {PLACE} {place}\n"


def remove(engine: Engine, server: str) -> None:
    """Removes all that a server's places left, once their images are gone."""
    for _ in range(2):  # what is shared with a mark goes the second time
        if not _prune(engine, _of_server(_records(engine), server)):
            return


def remove_place(engine: Engine, place: str, ran: Iterable[Step]) -> None:
    """Removes a place's cache mounts, and what it copied into empty images (`ran` are its steps), which descends from nothing."""
    records = _records(engine)
    mounts = [ident for ident, record in records.items() if f'with id "{place}/' in record.get("Description", "")]
    _prune(engine, [*mounts, *_of_steps(records, ran)])


def mounts(engine: Engine, place: str) -> list[str]:
    """The ids of a place's cache mounts, as `--mount=type=cache,id=` takes them."""
    said = [str(record.get("Description", "")) for record in _records(engine).values()]
    found = [re.search(rf'with id "{re.escape(place)}/(.*)"$', text) for text in said]
    return sorted({match[1] for match in found if match})


def keep_below(engine: Engine, server: str, cap_mb: float = CAP_MB) -> None:
    """Removes what was not used lately of a server's cache, when the whole is too large."""
    records = _records(engine)
    ours = _of_server(records, server)
    if sum(int(records[ident].get("Size") or 0) for ident in ours) > cap_mb * MB:
        before = (datetime.now(UTC) - LATELY).isoformat()[:19]  # as the engine writes times
        _prune(engine, [ident for ident in ours if str(records[ident].get("LastUsedAt") or "")[:19] < before])


def _records(engine: Engine) -> dict[str, dict[str, Any]]:
    return {record["ID"]: record for record in engine.client.df().get("BuildCache") or ()}


def _parents(record: dict[str, Any]) -> list[str]:
    return record.get("Parents") or record.get(" Parents") or []  # engine 26.1 writes the blank


def _of_server(records: dict[str, dict[str, Any]], server: str) -> list[str]:
    """The roots, and all that descends from them; and the cache mounts of its places."""

    def told_by(words: str) -> list[str]:
        return [ident for ident, record in records.items() if record.get("Description", "").endswith(words)]

    ours = dict.fromkeys(parent for found in told_by(f": {MARK} {server}") for parent in _parents(records[found]))
    while new := [i for i, record in records.items() if i not in ours and any(p in ours for p in _parents(record))]:
        ours.update(dict.fromkeys(new))
    mounts = [ident for ident, record in records.items() if f'with id "{server}-' in record.get("Description", "")]
    return [ident for ident in dict.fromkeys([*told_by(f": {ROOT} {server}"), *ours, *mounts]) if ident in records]


def _of_steps(records: dict[str, dict[str, Any]], steps: Iterable[Step]) -> list[str]:
    copied = [step for step in steps if step.ran and step.word in ("COPY", "ADD", "WORKDIR")]
    return [
        ident
        for ident, record in records.items()
        if not _parents(record)
        for step in copied
        if record.get("Description", "").endswith(f"] {step.instruction}")
        and step.started[:19] <= str(record.get("CreatedAt", ""))[:19] <= _later(step.completed)
    ]


def _later(time: str) -> str:
    """A little later: a step is over before the engine (26.1) has written down what it made."""
    return (datetime.fromisoformat(time[:19]) + WRITTEN_WITHIN).isoformat()


def _prune(engine: Engine, idents: Iterable[str]) -> bool:
    """Removes records. Returns whether any went. The engine takes the filter for a regular expression, and so many at once."""
    names = list(dict.fromkeys(idents))
    gone = False
    for start in range(0, len(names), 100):
        only: Any = {"id": f"^({'|'.join(re.escape(name) for name in names[start : start + 100])})$"}
        gone = bool(engine.client.api.prune_builds(filters=only, all=True).get("CachesDeleted")) or gone
    return gone
