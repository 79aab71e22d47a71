"""A query plan as Postgres explains it: asked for, walked and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from labkit.services.postgres import sql

PAGE_BY_PAGE = ("Seq Scan", "Sample Scan", "Tid Range Scan")
OPTIONS = "ANALYZE, BUFFERS, FORMAT JSON"
# What Postgres would do, which is known in a moment also of a slow query. As long as the other: both point at the same place of an error.
NOT_RUN = "FORMAT JSON".ljust(len(OPTIONS))


@dataclass(frozen=True)
class Node:
    """One node of a plan; `data` is Postgres' own JSON, depth 0 is the root."""

    data: dict[str, Any]
    depth: int

    @property
    def kind(self) -> str:
        """The node's type, e.g. "Bitmap Heap Scan"."""
        return self.data["Node Type"]

    @property
    def table(self) -> str:
        """The table that it reads, or nothing."""
        return self.data.get("Relation Name", "")

    @property
    def index(self) -> str:
        """The index that it reads, or nothing."""
        return self.data.get("Index Name", "")

    @property
    def blocks(self) -> int:
        """Blocks of 8 kB touched by it and what is below it, in the cache or not, also of temporary tables."""
        return sum(self.data.get(f"{kind} {how} Blocks", 0) for kind in ("Shared", "Local") for how in ("Hit", "Read"))

    def line(self) -> str:
        """The node in one line, as in psql, with rows expected and seen."""
        on = f" using {self.index}" if self.index else ""
        of = f" on {self.table}" if self.table else ""
        seen = f", seen {self.data['Actual Rows']:g}" if "Actual Rows" in self.data else ""
        touched = f", blocks {self.blocks}" if seen else ""
        return f"{self.kind}{on}{of} (rows expected {self.data['Plan Rows']}{seen}{touched})"


class Plan:
    """The plan of one query."""

    def __init__(self, explained: dict[str, Any]) -> None:
        self.data = explained
        self.nodes = list(_walk(explained["Plan"], 0))

    @property
    def root(self) -> Node:
        """The topmost node, whose numbers include all others."""
        return self.nodes[0]

    @property
    def seconds(self) -> float:
        """How long the query ran on the server."""
        return self.data.get("Execution Time", 0.0) / 1000

    @property
    def tree(self) -> str:
        """The plan as indented text."""
        return "\n".join("  " * node.depth + "-> " * (node.depth > 0) + node.line() for node in self.nodes)

    @property
    def indexes(self) -> set[str]:
        """The names of the indexes that it reads."""
        return {node.index for node in self.nodes if node.index}

    def scans(self, table: str) -> bool:
        """Whether it reads that table page by page: all of it, a sample, or from one page to another."""
        return any(node.kind in PAGE_BY_PAGE and node.table == table for node in self.nodes)


def _walk(data: dict[str, Any], depth: int) -> Iterator[Node]:
    yield Node(data, depth)
    for child in data.get("Plans", []):
        yield from _walk(child, depth + 1)


def asked(options: str) -> str:
    """What stands before a query whose plan is asked for."""
    return f"EXPLAIN ({options}) "


def explain(connection: psycopg.Connection, query: str, *, options: str = OPTIONS, deadline: float = 10.0) -> Plan:
    """The plan of `query`, which is really run in a transaction that is rolled back, so nothing happens twice; or with the options
    NOT_RUN, only planned.

    Raises as `sql.execute`; ValueError when the text is not one statement that can be explained.
    """
    with connection.transaction(force_rollback=True):
        results = sql.execute(connection, f"{asked(options)}{query}", deadline=deadline)
    if len(results) != 1 or not results[0].rows:
        raise ValueError("Only one query can be explained. Leave one statement in the answer.")
    explained = results[0].rows[0][0]
    return Plan((json.loads(explained) if isinstance(explained, str) else explained)[0])
