"""What a place holds, digested: to see that somebody left alone what they were not asked to change."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlflow.store.db.base_sql_model import Base
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from .current import works_in
from .places import Place

MOST = 10_000  # rows of a table, and artifacts, that are looked at
CHUNK = 1 << 20


def fingerprint(place: Place) -> dict[str, str]:
    """ "table key" or "artifact path" -> a digest of the row or the file."""
    found = {}
    with works_in(place):
        engine = create_engine(place.storage.uri, poolclass=NullPool)
        with engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                for row in connection.execute(select(table).limit(MOST)).mappings():
                    key = ", ".join(str(row[column]) for column in table.primary_key)
                    found[f"{table.name} {key}"] = _digest(repr(sorted((str(k), row[k]) for k in row)).encode())
    files = (path for path in sorted(place.artifacts.rglob("*")) if path.is_file())
    for path, _ in zip(files, range(MOST), strict=False):
        found[f"artifact {path.relative_to(place.artifacts)}"] = _file_digest(path)
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
