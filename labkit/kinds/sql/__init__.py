"""Answers in SQL; and for a lab's own cells: its database, a query on it, and the plan of an answer.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.services.postgres import Database
    from labkit.services.postgres.plan import Plan

__all__ = ["database", "plan", "query"]


def database() -> Database:
    """The open lab's database. Raises CourseError when no lab is open."""
    return current().place("postgres")


def plan(name: str) -> Plan | None:
    """How Postgres ran an SQL answer the last time; None before a first run, and where it has no plan."""
    return current().kept.get(name)


def query(text: str, params: Any = None) -> list[dict[str, Any]]:
    """The rows of one query on the lab's database, each a dict from column to value. Raises psycopg.Error."""
    from psycopg.rows import dict_row

    with database().connect(row_factory=dict_row) as connection:
        return connection.execute(text, params).fetchall()  # type: ignore[arg-type]
