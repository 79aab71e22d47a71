"""What an answer has made of its database besides what it was asked for, read from the catalogs by the superuser: no function of the answer runs.

The database is compared with how it was cloned: a table of the template must still be that table, or the checks would judge
something else under its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

FIRST_OID = 16384  # what a server makes of itself is numbered below

# Every relation in public that is no index: name, kind, row security, partition, and the number of heirs, policies and rules.
RELATIONS = """
    SELECT c.oid, c.relname, c.relkind, c.relrowsecurity OR c.relforcerowsecurity, c.relispartition,
           (SELECT count(*) FROM pg_inherits WHERE c.oid IN (inhparent, inhrelid)),
           (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid),
           (SELECT count(*) FROM pg_rewrite WHERE ev_class = c.oid AND c.relkind NOT IN ('v', 'm'))
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
# Everything else that a query could read rows from, or that may run when one is read or written.
OTHERS = f"""
    SELECT 'function ' || proname FROM pg_proc WHERE oid >= {FIRST_OID} AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    UNION ALL SELECT 'operator ' || oprname FROM pg_operator WHERE oid >= {FIRST_OID} AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_operator'::regclass AND objid = pg_operator.oid AND deptype = 'e')
    UNION ALL SELECT 'cast' FROM pg_cast WHERE oid >= {FIRST_OID} AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_cast'::regclass AND objid = pg_cast.oid AND deptype = 'e')
    UNION ALL SELECT 'large object' FROM pg_largeobject_metadata
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE oid >= {FIRST_OID} AND nspname !~ '^pg_'
    UNION ALL SELECT 'comment' FROM pg_description WHERE objoid >= {FIRST_OID} AND length(description) > 2000
"""
# In an answer's schema, a name of the catalog's own would be taken for it by whoever does not write pg_catalog in front.
NAMES = f"""
    SELECT 'function ' || p.proname FROM pg_proc AS p WHERE p.oid >= {FIRST_OID} AND p.proname IN (
        SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace) AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
    UNION ALL SELECT 'operator ' || o.oprname FROM pg_operator AS o WHERE o.oid >= {FIRST_OID} AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_operator'::regclass AND objid = o.oid AND deptype = 'e')
    UNION ALL SELECT 'type ' || t.typname FROM pg_type AS t WHERE t.oid >= {FIRST_OID} AND t.typname IN (
        SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace)
    UNION ALL SELECT 'relation ' || c.relname FROM pg_class AS c WHERE c.oid >= {FIRST_OID} AND c.relname IN (
        SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace)
        AND c.relnamespace <> 'pg_toast'::regnamespace
    UNION ALL SELECT 'cast' FROM pg_cast AS k WHERE k.oid >= {FIRST_OID} AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_cast'::regclass AND objid = k.oid AND deptype = 'e')
    LIMIT 5
"""
STATISTICS = "SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM pg_statistic WHERE starelid >= %s"
KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "p": "a partitioned table",
    "f": "a foreign table",
    "r": "another table",
}


@dataclass(frozen=True)
class Relation:
    """One relation as the catalog has it."""

    name: str
    kind: str
    secured: bool
    is_partition: bool
    heirs: int
    policies: int
    rules: int


@dataclass(frozen=True)
class Born:
    """A database as it was cloned."""

    relations: dict[int, Relation] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    statistics: tuple[int, int] = (0, 0)


def born(catalog: psycopg.Connection) -> Born:
    """How a database is now, for `replaced`, `made` and `foreign_statistics` later."""
    others = frozenset(what for (what,) in catalog.execute(OTHERS.encode()).fetchall())
    return Born(_relations(catalog), others, _statistics(catalog))


def replaced(catalog: psycopg.Connection, before: Born) -> Iterator[str]:
    """The tables of the template that are no longer what they were: a sentence each."""
    now = _relations(catalog)
    names = {relation.name: relation for relation in now.values()}
    for oid, was in before.relations.items():
        found = now.get(oid)
        if found is None or found.name != was.name or found.kind != was.kind:
            other = names.get(was.name)
            what = f"is now {KINDS.get(other.kind, 'something else')}" if other and other != found else "is gone"
            yield f"The table {was.name} {what}."
        elif (found.policies, found.secured) != (was.policies, was.secured):
            yield f"The table {was.name} has row security: who asks does not see all of its rows."
        elif (found.heirs, found.is_partition) != (was.heirs, was.is_partition):
            yield f"The table {was.name} has become a partition, or inherits or is inherited from."
        elif found.rules != was.rules:
            yield f"The table {was.name} has a rule that rewrites what is asked of it."


def made(catalog: psycopg.Connection, before: Born) -> list[str]:
    """What there is now besides indexes, that was not there: relations, functions, operators, large objects."""
    relations = [relation.name for oid, relation in _relations(catalog).items() if oid not in before.relations]
    others = [what for (what,) in catalog.execute(OTHERS.encode()).fetchall() if what not in before.others]
    return relations + others


def names_of_the_catalog(catalog: psycopg.Connection) -> list[str]:
    """What the answer made under a name of Postgres' own: "function lower", "operator *"."""
    return [what for (what,) in catalog.execute(NAMES.encode()).fetchall()]


def foreign_statistics(catalog: psycopg.Connection, before: Born) -> bool:
    """Whether the planner's statistics are others than at first: gathered again, or written by hand."""
    return _statistics(catalog) != before.statistics


def _relations(catalog: psycopg.Connection) -> dict[int, Relation]:
    rows = catalog.execute(RELATIONS.encode()).fetchall()
    return {
        oid: Relation(name, kind if isinstance(kind, str) else kind.decode(), *rest) for oid, name, kind, *rest in rows
    }


def _statistics(catalog: psycopg.Connection) -> tuple[int, int]:
    row = catalog.execute(STATISTICS.encode(), [FIRST_OID]).fetchone()
    assert row
    return row
