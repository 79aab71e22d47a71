"""What a lab gave, digested: tables by their number of rows, columns by their values, so that it shows what an answer changed.

It is read as the database's own role, as a superuser never touches an untrusted table. Nothing that the answer made can stand in its way:
names are looked up in pg_catalog alone, tables are named with their schema, and what changes how a value is written is set by us.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from labkit.services.postgres.database import Database

Rows = Iterator[tuple[str, str | None]]  # a row's key, and one of its values
SECONDS = 60.0  # for all of it: an answer may have put a view without end in a table's place
GONE = "not there"
READ = 400  # characters of a value in which a difference is looked for
BEFORE, AROUND = 20, 120  # of a long value, characters that are told before the first difference, and in all
OPTIONS = (
    "-c search_path=pg_catalog -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c bytea_output=hex "
    "-c extra_float_digits=1 -c xmlbinary=base64 -c lc_monetary=C"
)
TABLES = """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum),
        coalesce((SELECT array_agg(k.attname::text ORDER BY k.attnum) FROM pg_attribute k JOIN pg_constraint p
            ON p.conrelid = k.attrelid AND p.contype = 'p' AND k.attnum = ANY (p.conkey) WHERE k.attrelid = c.oid), '{}')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
    GROUP BY n.nspname, c.relname, c.oid ORDER BY n.nspname, c.relname
"""
KIND = """
    SELECT c.oid::text || ' ' || string_agg(concat_ws(':', a.attname, a.attnum, a.atttypid, a.atttypmod), ' ' ORDER BY a.attnum)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type y ON y.oid = a.atttypid
    WHERE n.nspname = %s AND c.relname = %s AND a.attname = ANY (%s) AND NOT a.attisdropped
        AND c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relforcerowsecurity
    GROUP BY c.oid
    HAVING count(*) = %s AND bool_and(y.typnamespace = 'pg_catalog'::regnamespace AND a.attgenerated <> 'v')
"""


@dataclass(frozen=True)
class Table:
    """A table as the lab gave it. Rows are known by the primary key's columns; by all of them where there is none."""

    schema: str
    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    state: str = ""  # what `_state` said of it

    @property
    def name(self) -> str:
        """`orders`, or `archive.orders` where it is not in public."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its own, and those of its columns, as a fingerprint has them."""
        return (self.name, *(f"{self.name}.{column}" for column in self.columns))

    def row(self, columns: Iterable[str]) -> sql.Composed:
        """These columns of a row, as one text. A null is not the empty string in it."""
        return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(sql.Identifier("t", name) for name in columns))


def tables(database: Database) -> tuple[Table, ...]:
    """All tables of a database, which no answer has touched."""
    with database.connect(options=OPTIONS) as connection:
        found = connection.execute(TABLES).fetchall()
        given = (Table(schema, table, tuple(columns), tuple(key)) for schema, table, columns, key in found)
        return tuple(replace(table, state=_state(database, connection, table)) for table in given)


def taken(database: Database, given: Iterable[Table], known: dict[str, str] | None = None) -> dict[str, str]:
    """By `table` and `table.column` of what the lab gave: how many rows, and a digest of the values. "not there" where it is gone.

    `known` is what was taken of the tables as they were given: it is true of those to which nothing was written since.
    """
    found: dict[str, str] = {}
    with database.connect(options=OPTIONS) as connection:
        for table in given:
            if known and table.state and _state(database, connection, table) == table.state:
                found |= {name: known[name] for name in table.names}
                continue
            there = _columns(connection, table)
            found |= dict.fromkeys(table.names, GONE)
            if set(table.key or table.columns) <= there:
                found |= _digests(database, connection, table, [name for name in table.columns if name in there])
            elif there:
                found[table.name] = f"without {', '.join(n for n in table.key or table.columns if n not in there)}"
    return found


def _columns(connection: psycopg.Connection, table: Table) -> set[str]:
    """The columns that a relation of this name has now."""
    here = (
        "SELECT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped"
    )
    return {name for (name,) in connection.execute(here, [table.schema, table.table]).fetchall()}


def _state(database: Database, connection: psycopg.Connection, table: Table) -> str:
    """What changes with each change of what was given: the table's and its columns' identity, how many rows there are, and the newest
    transaction that wrote one. Nothing where more can change it: rows in other tables, types that are not Postgres' own, virtual columns.
    """
    rows = sql.SQL("SELECT count(*), max(xmin::text::bigint) FROM ONLY {}").format(
        sql.Identifier(table.schema, table.table)
    )
    try:
        with database.deadline(SECONDS):
            kind = connection.execute(
                KIND, [table.schema, table.table, list(table.columns), len(table.columns)]
            ).fetchone()
            written = connection.execute(rows).fetchone() if kind else None
    except psycopg.Error:
        if connection.closed:
            raise
        return ""
    return f"{kind[0]} {written}" if kind else ""


def _digests(database: Database, connection: psycopg.Connection, table: Table, columns: list[str]) -> dict[str, str]:
    digest = sql.SQL("coalesce(sum(hashtextextended({}, 0)), 0)::text")
    rows = [table.row([*table.key, name] if table.key else table.columns) for name in columns]
    query = sql.SQL("SELECT count(*), {} FROM {} AS t").format(
        sql.SQL(", ").join(digest.format(row) for row in rows), sql.Identifier(table.schema, table.table)
    )
    try:
        with database.deadline(SECONDS):
            count, *digests = connection.execute(query).fetchone() or (0,)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return {table.name: f"cannot be read: {str(error).strip().splitlines()[0]}"}
    values = {f"{table.name}.{name}": f"values {digest}" for name, digest in zip(columns, digests, strict=True)}
    return {table.name: f"{count:,} rows", **values}


def in_words(digest: str) -> str:
    """A part of a fingerprint for people, whom a digest tells nothing."""
    return "the values that were there" if digest.startswith("values ") else digest


def example(one: Database, other: Database, table: Table, column: str) -> tuple[str, str]:
    """The first row, by its key as a text, whose value of a column is not the same in both: what it is in each."""
    with _values(one, table, column) as before, _values(other, table, column) as after:
        for key, values in _side_by_side(before, after):
            was, now = _where_they_differ(_told(values, 0), _told(values, 1))
            if was != now:
                at = f"{', '.join(table.key)} = {key.strip('()')}"
                return f"{column} {was} where {at}", f"{column} {now} there"
    return "the values that were there", "other values"


@contextmanager
def _values(database: Database, table: Table, column: str) -> Iterator[Rows]:
    """A column's values as texts with their rows' keys, in the order of those; no more are read than are asked for."""
    shown = sql.SQL('SELECT {key}, left(t.{}::text, %s) FROM {} AS t ORDER BY {key} COLLATE "C"').format(
        sql.Identifier(column), sql.Identifier(table.schema, table.table), key=table.row(table.key)
    )
    with (
        database.connect(options=OPTIONS) as connection,
        database.deadline(SECONDS),
        connection.transaction(),
        connection.cursor("values") as cursor,
    ):
        yield iter(cursor.execute(shown, [READ]))


def _side_by_side(*sides: Rows) -> Iterator[tuple[str, dict[int, str | None]]]:
    """Each key, in order, with its value on each side that has such a row, by the side's number."""

    def key_of(row: tuple[int, tuple[str, str | None]]) -> str:
        return row[1][0]

    numbered = (zip(itertools.repeat(number), rows, strict=False) for number, rows in enumerate(sides))
    for key, rows in itertools.groupby(heapq.merge(*numbered, key=key_of), key=key_of):
        yield key, {number: value for number, (_, value) in rows}


def _where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Two values for people, who need not search: of long ones, what is around their first difference."""
    shorter = min(len(one), len(other))
    begin = next((at for at in range(shorter) if one[at] != other[at]), shorter) - BEFORE
    return _cut(one, begin), _cut(other, begin)


def _cut(value: str, begin: int) -> str:
    """The part of a value that begins there, in its quotes."""
    if begin < BEFORE:
        begin = 0
    part = value[begin : begin + AROUND]
    front = f"{value[0]}…" if begin else ""
    back = f"…{value[0]}" if begin + AROUND < len(value) else ""
    return f"{front}{part}{back}"


def _told(values: dict[int, str | None], side: int) -> str:
    return "in no row" if side not in values else "NULL" if values[side] is None else repr(values[side])
